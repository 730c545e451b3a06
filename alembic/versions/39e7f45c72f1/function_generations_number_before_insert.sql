-- Numbers a generation that the application inserts without knowing of versions. SECURITY DEFINER: whoever may insert a
-- generation need not be allowed to write projects; the fixed search_path is what makes that safe. Where row-level security
-- hides rows from the owner of this function, it ends with an error instead of giving a wrong number.
CREATE OR REPLACE FUNCTION public.generations_number_before_insert() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    active_id varchar;
    -- See projects_reserve_numbers.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.project_id) & 255);
    noted text := coalesce(nullif(current_setting(its_setting, true), ''), '{}');
    unused int8multirange :=
        coalesce(CASE WHEN noted <> '{}' THEN noted::jsonb ->> NEW.project_id::text END, '{}');
    -- See generations_raise_after_insert.
    part text := hashtext(NEW.project_id) & 255;
    parts text := coalesce(current_setting('backfill.given', true), '');
    given text := coalesce(nullif(current_setting('backfill.given_' || part, true), ''), '{}');
    raised_later boolean := false;
    counts_itself boolean;
BEGIN
    IF given <> '{}' THEN
        latest := given::jsonb ->> NEW.project_id::text;
        raised_later := latest IS NOT NULL;
    END IF;

    -- The lock in a statement of its own: one that waits for a lock goes on computing from the snapshot it took before
    -- the wait. NO KEY, because that is what the foreign key's own lock on the project does not get in the way of.
    -- A project that this transaction has written before is locked already, with all that belongs to it; one in which it
    -- has reserved this number, by another subtransaction perhaps, is not written again.
    IF NOT raised_later THEN
        SELECT p.latest_version, p.xmin = pg_current_xact_id()::xid AND p.latest_version > 0 AND length(given) < 8000
          INTO latest, raised_later
          FROM public.projects AS p
         WHERE p.id = NEW.project_id
           AND (p.xmin = pg_current_xact_id()::xid OR NEW.version::bigint <@ unused) FOR NO KEY UPDATE;
    END IF;

    -- Once this has raised latest_version, every further update of the project in the same transaction checks its
    -- foreign keys, changed or not, and so locks the present active generation; and a completed row takes its place in
    -- the end. An edit or a delete of that one locks the same two in the other order. So it is locked here, and as in
    -- generations_activate_completed the second one is never waited for while the first is held.
    WHILE latest IS NULL LOOP
        active_id := NULL;
        BEGIN
            SELECT p.latest_version, p.active_generation_id INTO latest, active_id
              FROM public.projects AS p
             WHERE p.id = NEW.project_id
               FOR NO KEY UPDATE;
            IF NOT FOUND THEN
                RETURN NEW;  -- no such project: the foreign key will say so
            END IF;
            IF NEW.status = 'completed' THEN
                PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE NOWAIT;
            ELSE
                PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE NOWAIT;
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for the project
            END IF;
            latest := NULL;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    -- Not settled yet: the row stays unassigned, and the backfill takes it in its order. One that comes with a place of its
    -- own is assigned by that, so its number must not be another one's; the rows are read for such a writer alone.
    IF latest < 1 AND EXISTS (SELECT FROM public.generations AS g WHERE g.project_id = NEW.project_id) THEN
        -- What an older snapshot shows may be deleted, and the backfill have passed the empty project: a lock says so
        -- (40001). What is being deleted at the moment is skipped: the backfill comes after the lock on the project.
        IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
            PERFORM FROM public.generations AS g WHERE g.project_id = NEW.project_id LIMIT 1 FOR KEY SHARE SKIP LOCKED;
        END IF;
        IF NEW.storage_path IS NOT NULL THEN
            SELECT greatest(NEW.version, max(g.version) + 1) INTO NEW.version
              FROM public.generations AS g
             WHERE g.project_id = NEW.project_id AND g.storage_path IS NOT NULL;
        END IF;
        RETURN NEW;
    END IF;

    NEW.storage_path := coalesce(NEW.storage_path, './storage/projects/' || NEW.id);

    -- A writer that counts for itself keeps its number: one that this transaction has reserved, or one above all that were
    -- given. Unless another one was faster.
    IF NEW.version::bigint <@ unused THEN
        unused := unused - int8multirange(int8range(NEW.version, NEW.version, '[]'));
    ELSE
        counts_itself := NEW.version > latest;
        IF counts_itself THEN
            -- What it skips is left to this transaction, which may insert several in any order.
            unused := unused + int8multirange(int8range(latest::bigint + 1, NEW.version));
        ELSE
            NEW.version := latest + 1;
        END IF;
        IF raised_later THEN
            given := given::jsonb || jsonb_build_object(NEW.project_id, NEW.version);
            PERFORM set_config('backfill.given_' || part, given, true);
            IF parts = '' OR part <> ALL (string_to_array(parts, ' ')) THEN
                PERFORM set_config('backfill.given', ltrim(parts || ' ' || part), true);
            END IF;
        ELSE
            UPDATE public.projects AS p SET latest_version = NEW.version WHERE p.id = NEW.project_id;
        END IF;
        IF NOT counts_itself THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NOT isempty(unused) THEN
        PERFORM set_config(its_setting, (noted::jsonb || jsonb_build_object(NEW.project_id, unused::text))::text, true);
    ELSIF noted <> '{}' THEN
        PERFORM set_config(its_setting, (noted::jsonb - NEW.project_id::text)::text, true);
    END IF;
    RETURN NEW;
END
$function$;
