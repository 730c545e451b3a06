-- Numbers a generation that the application inserts without knowing of versions. SECURITY DEFINER: whoever may insert a
-- generation need not be allowed to write projects; the fixed search_path is what makes that safe.
CREATE OR REPLACE FUNCTION public.generations_number_before_insert() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    latest integer;
BEGIN
    -- The lock in a statement of its own: one that waits for a lock goes on computing from the snapshot it took before
    -- the wait. NO KEY, because that is what the foreign key's own lock on the project does not get in the way of.
    SELECT p.latest_version INTO latest
      FROM public.projects AS p
     WHERE p.id = NEW.project_id
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NEW;  -- no such project: the foreign key will say so
    END IF;

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
