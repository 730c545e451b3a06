-- A transaction that writes a project for each of the rows that it inserts there passes at each of them the versions of the
-- project that it left before: 10 000 rows took a hundred times as long as 1 000. So only the first of them raises
-- latest_version at once; for those that follow, generations_number_before_insert notes the highest number in a setting of
-- the transaction, one of 256 parts by project as in projects_reserve_numbers, and this writes it at the end of the
-- statement. Whoever reads latest_version to count on from it looks into the notes too. A rollback to a savepoint takes notes
-- and rows back together. SECURITY DEFINER as in generations_number_before_insert.
CREATE OR REPLACE FUNCTION public.generations_raise_after_insert() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY string_to_array(current_setting('backfill.given'), ' ') LOOP
        UPDATE public.projects AS p SET latest_version = g.latest::integer
          FROM jsonb_each_text(current_setting('backfill.given_' || part)::jsonb) AS g (project_id, latest)
         WHERE p.id = g.project_id AND p.latest_version < g.latest::integer;
        PERFORM set_config('backfill.given_' || part, '', true);
    END LOOP;
    PERFORM set_config('backfill.given', '', true);
    RETURN NULL;
END
$function$;
