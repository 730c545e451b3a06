-- For the offline script, which cannot ask first: an index that an interrupted CONCURRENTLY left invalid would make
-- IF NOT EXISTS pass over it. CONCURRENTLY is not possible in a block, so this takes a short lock, and only if needed.
DO $$
DECLARE
    leftover regclass;
BEGIN
    FOR leftover IN
        SELECT i.indexrelid
          FROM pg_catalog.pg_index AS i
         WHERE NOT i.indisvalid
           AND i.indexrelid IN (
               to_regclass('public.ix_generations_project_id_created_at_id'),
               to_regclass('public.ix_projects_created_at_id'),
               to_regclass('public.ix_projects_active_generation_id')
           )
    LOOP
        EXECUTE format('DROP INDEX %s', leftover);
    END LOOP;
END
$$;
