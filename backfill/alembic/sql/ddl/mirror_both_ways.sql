-- Whichever of the two names a statement writes, both columns have the value. An insert that names neither leaves the old
-- column's default, which the new one takes over; one that names both differently is of the new release.
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.{target} IS NULL THEN
            NEW.{target} := NEW.{source};
        ELSE
            NEW.{source} := NEW.{target};
        END IF;
    ELSIF CAST(NEW.{target} AS text) IS DISTINCT FROM CAST(OLD.{target} AS text) THEN
        NEW.{source} := NEW.{target};
    ELSE
        NEW.{target} := NEW.{source};
    END IF;
    RETURN NEW;
END
$body$
