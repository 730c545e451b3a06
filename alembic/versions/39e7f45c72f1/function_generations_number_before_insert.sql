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
BEGIN
    -- The lock in a statement of its own: one that waits for a lock goes on computing from the snapshot it took before
    -- the wait. NO KEY, because that is what the foreign key's own lock on the project does not get in the way of.
    -- A project that this transaction has written before is locked already, with all that belongs to it.
    SELECT p.latest_version INTO latest
      FROM public.projects AS p
     WHERE p.id = NEW.project_id AND p.xmin = pg_current_xact_id()::xid FOR NO KEY UPDATE;

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

    -- Not settled yet: the row stays unassigned, and the backfill takes it in its order.
    IF latest < 1 AND EXISTS (SELECT FROM public.generations AS g WHERE g.project_id = NEW.project_id) THEN
        RETURN NEW;
    END IF;

    -- A writer that counts for itself keeps its number, unless another one was faster.
    IF NEW.version > latest THEN
        latest := NEW.version;
    ELSE
        latest := latest + 1;
    END IF;
    NEW.version := latest;
    NEW.storage_path := coalesce(NEW.storage_path, './storage/projects/' || NEW.id);
    UPDATE public.projects AS p SET latest_version = latest WHERE p.id = NEW.project_id;
    RETURN NEW;
END
$function$;
