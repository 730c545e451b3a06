-- Of two writers that both counted to the same next version, the slower one would set latest_version back below the
-- number the trigger gave it.
CREATE OR REPLACE FUNCTION public.projects_latest_version_before_update() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    NEW.latest_version := OLD.latest_version;
    RETURN NEW;
END
$function$;
