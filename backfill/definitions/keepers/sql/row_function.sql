-- Gives a new or changed row its values, by the definition's own expressions. The search_path is fixed, so that no session
-- can put functions of its own in their place.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql
{security}
AS $backfill$
-- {mark}
BEGIN
{assignments}
    RETURN NEW;
END
$backfill$
