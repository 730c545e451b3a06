-- Empties what was computed from a row as soon as the row is another one, so that it is to do again; unless the writer gives
-- the new value itself. Both are compared as they are stored: json has no equality, and 1.0 is not 1.00 to whoever
-- reads it. The search_path is fixed, so that no session can put functions of its own in place of these.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql
{security}
AS $backfill$
-- {mark}
BEGIN
    IF pg_catalog.record_image_eq(ROW({read_before}), ROW({read_after})) THEN
        RETURN NEW;
    END IF;
    IF NOT pg_catalog.record_image_eq(ROW({written_before}), ROW({written_after})) THEN
        RETURN NEW;
    END IF;
{assignments}
    RETURN NEW;
END
$backfill$
