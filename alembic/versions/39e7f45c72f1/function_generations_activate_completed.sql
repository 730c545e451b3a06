-- Makes a generation that was just completed its project's active one, if it is newer than the present one.
-- SECURITY DEFINER as in generations_number_before_insert.
CREATE OR REPLACE FUNCTION public.generations_activate_completed() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    active_id varchar;
BEGIN
    -- Unassigned: the backfill numbers it and decides about it then. Inserted with a place of its own: by a release
    -- that knows of versions, and activates for itself.
    IF NEW.storage_path IS NULL
       OR TG_OP = 'INSERT' AND NEW.storage_path <> './storage/projects/' || NEW.id
    THEN
        RETURN NULL;
    END IF;

    -- Of rows that one statement has inserted (they have its cmin), each but the newest would only take the flag from the
    -- one before: whoever has another right behind it leaves it to that one.
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT
          FROM public.generations AS g
          CROSS JOIN LATERAL (
              SELECT n.xmin, n.cmin, n.id, n.status, n.storage_path
                FROM public.generations AS n
               WHERE n.project_id = NEW.project_id AND (n.created_at, n.id) > (NEW.created_at, NEW.id)
               ORDER BY n.created_at, n.id
               LIMIT 8
          ) AS next
         WHERE g.id = NEW.id AND next.xmin = g.xmin AND next.cmin = g.cmin
           AND next.status = 'completed' AND next.storage_path = './storage/projects/' || next.id
    ) THEN
        RETURN NULL;
    END IF;

    -- Two rows have to be locked, the project and its present active generation, and the application locks the same
    -- two in either order (it edits a finished generation and then its project, or deletes it). So the second one is
    -- never waited for while the first is held: the inner block gives the project back and waits with empty hands.
    LOOP
        active_id := NULL;
        BEGIN
            -- What this returns is the project as it is after the wait, perhaps settled just now.
            SELECT p.latest_version, p.active_generation_id INTO latest, active_id
              FROM public.projects AS p
             WHERE p.id = NEW.project_id
               FOR NO KEY UPDATE;
            IF NOT FOUND OR latest < 1 THEN
                RETURN NULL;  -- the backfill will choose among all completed ones
            END IF;
            IF EXISTS (
                SELECT FROM public.generations AS a
                 WHERE a.id = active_id AND (a.created_at, a.id) > (NEW.created_at, NEW.id)
            ) THEN
                RETURN NULL;
            END IF;
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for the project
            END IF;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    IF active_id IS DISTINCT FROM NEW.id THEN
        UPDATE public.generations AS a SET is_active = false WHERE a.id = active_id AND a.is_active;
        UPDATE public.projects AS p SET active_generation_id = NEW.id WHERE p.id = NEW.project_id;
    END IF;
    -- The row as it is now, not NEW: other rows of the same statement may have changed it meanwhile.
    UPDATE public.generations AS g SET is_active = true WHERE g.id = NEW.id AND NOT g.is_active;
    RETURN NULL;
END
$function$;
