-- A generation that changes its project gets a number there, and leaves nothing behind that points at it.
-- SECURITY DEFINER as in generations_number_before_insert.
CREATE OR REPLACE FUNCTION public.generations_renumber_before_move() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    settled boolean;
    active_id varchar;
    -- See projects_reserve_numbers.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.project_id) & 255);
    noted jsonb;
    unused int8multirange;
    -- See generations_raise_after_insert: an INSERT may be part of the same statement.
    given_setting text := 'backfill.given_' || (hashtext(NEW.project_id) & 255);
    given jsonb := nullif(current_setting(given_setting, true), '');
BEGIN
    -- The projects always in the same order, so that two moves in opposite directions do not deadlock. With them the
    -- active generation of the new one, for the reason and in the way of generations_number_before_insert.
    LOOP
        active_id := NULL;
        BEGIN
            PERFORM FROM public.projects AS p
              WHERE p.id IN (OLD.project_id, NEW.project_id)
              ORDER BY p.id
                FOR NO KEY UPDATE;
            SELECT p.active_generation_id INTO active_id FROM public.projects AS p WHERE p.id = NEW.project_id;
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for a project
            END IF;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    UPDATE public.projects AS p SET active_generation_id = NULL
     WHERE p.id = OLD.project_id AND p.active_generation_id = OLD.id;
    IF NEW.is_active IS NOT DISTINCT FROM OLD.is_active THEN
        NEW.is_active := false;
    END IF;

    SELECT p.latest_version INTO latest FROM public.projects AS p WHERE p.id = NEW.project_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- no such project: the foreign key will say so
    END IF;
    latest := greatest(latest, (given ->> NEW.project_id::text)::integer);
    settled := latest > 0 OR NOT EXISTS (SELECT FROM public.generations AS g WHERE g.project_id = NEW.project_id);
    -- See generations_number_before_insert.
    IF NOT settled AND current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        PERFORM FROM public.generations AS g WHERE g.project_id = NEW.project_id LIMIT 1 FOR KEY SHARE SKIP LOCKED;
    END IF;

    IF settled THEN
        noted := nullif(current_setting(its_setting, true), '');
        unused := noted ->> NEW.project_id::text;
        IF NEW.version::bigint <@ unused THEN
            unused := unused - int8multirange(int8range(NEW.version, NEW.version, '[]'));
            PERFORM set_config(its_setting, (noted || jsonb_build_object(NEW.project_id, unused::text))::text, true);
        ELSIF NEW.version IS NOT DISTINCT FROM OLD.version OR NEW.version <= latest THEN
            NEW.version := latest + 1;
        END IF;
        NEW.storage_path := coalesce(NEW.storage_path, './storage/projects/' || NEW.id);
        UPDATE public.projects AS p SET latest_version = NEW.version
         WHERE p.id = NEW.project_id AND p.latest_version < NEW.version;
        IF NEW.version > (given ->> NEW.project_id::text)::integer THEN
            PERFORM set_config(given_setting, (given || jsonb_build_object(NEW.project_id, NEW.version))::text, true);
        END IF;
    ELSIF NEW.version IS NOT DISTINCT FROM OLD.version
          AND (NEW.storage_path IS NULL OR NEW.storage_path = './storage/projects/' || NEW.id)
    THEN
        -- Unassigned again: the backfill numbers it with the others there.
        NEW.storage_path := NULL;
        NEW.version := 1;
        NEW.is_active := false;
    ELSIF NEW.storage_path IS NOT NULL THEN
        -- Its place is known to the writer only and must be kept, so it stays assigned, after those that are.
        SELECT greatest(nullif(NEW.version, OLD.version), coalesce(max(g.version), 0) + 1) INTO NEW.version
          FROM public.generations AS g
         WHERE g.project_id = NEW.project_id AND g.storage_path IS NOT NULL;
    END IF;
    RETURN NEW;
END
$function$;
