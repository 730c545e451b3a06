-- A writer that counts for itself may write its project first, as the unit of work of an ORM does. What it has reserved by
-- that is noted for generations_number_before_insert: from here on this transaction holds the project's lock, so that nobody
-- else comes by these numbers. In a setting of the transaction, which is undone together with the raise by a rollback to
-- a savepoint, and which no transaction finds that comes after it. SECURITY DEFINER as in generations_number_before_insert.
CREATE OR REPLACE FUNCTION public.projects_reserve_numbers() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    -- One of 256, so that a transaction that raises thousands of projects need not read about all of them each time.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.id) & 255);
    noted text := coalesce(nullif(current_setting(its_setting, true), ''), '{}');
    unused int8multirange;
    highest integer := 0;
    unassigned boolean;
    -- See generations_raise_after_insert: an INSERT may be part of the same statement.
    given_setting text := 'backfill.given_' || (hashtext(NEW.id) & 255);
    given jsonb := nullif(current_setting(given_setting, true), '');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        highest := greatest(OLD.latest_version, 0);
        IF highest = 0 THEN
            -- Raised as if it had no generations yet. Where it has, only what has numbered all of them may settle it.
            SELECT coalesce(bool_or(g.storage_path IS NULL), false),
                   coalesce(max(g.version) FILTER (WHERE g.storage_path IS NOT NULL), 0)
              INTO unassigned, highest
              FROM public.generations AS g
             WHERE g.project_id = NEW.id;
            IF unassigned OR NEW.latest_version < highest THEN
                NEW.latest_version := OLD.latest_version;
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    IF given ? NEW.id::text THEN
        highest := greatest(highest, (given ->> NEW.id::text)::integer);
        IF NEW.latest_version <= highest THEN
            RETURN NEW;
        END IF;
        PERFORM set_config(given_setting, (given || jsonb_build_object(NEW.id, NEW.latest_version))::text, true);
    END IF;

    -- An import of a million projects in one transaction is not to become quadratic: later ones are counted on.
    IF length(noted) < 30000 THEN
        unused := coalesce(noted::jsonb ->> NEW.id::text, '{}');
        unused := unused + int8multirange(int8range(highest::bigint + 1, NEW.latest_version::bigint + 1));
        PERFORM set_config(its_setting, (noted::jsonb || jsonb_build_object(NEW.id, unused::text))::text, true);
    END IF;
    RETURN NEW;
END
$function$;
