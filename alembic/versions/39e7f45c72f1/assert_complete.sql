-- Runs in the transaction that records the revision, so that no schema is recorded as migrated that is not: a script
-- that psql goes on with after an error would do just that.
DO $$
BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_attribute AS a
         WHERE NOT a.attisdropped
           AND (a.attrelid = 'public.generations'::regclass AND a.attname IN (
                    'version', 'version_name', 'is_active', 'storage_path',
                    'file_count', 'total_size_bytes', 'diff_from_previous', 'changes_summary')
                OR a.attrelid = 'public.projects'::regclass AND a.attname IN ('latest_version', 'active_generation_id'))
       ) <> 10
    OR (SELECT count(*) FROM pg_catalog.pg_index AS i
         WHERE i.indisvalid
           AND i.indexrelid IN (
               to_regclass('public.ix_generations_project_id_created_at_id'),
               to_regclass('public.ix_projects_created_at_id'),
               to_regclass('public.ix_projects_active_generation_id'))
       ) <> 3
    OR (SELECT count(*) FROM pg_catalog.pg_constraint AS c
         WHERE c.conname = 'fk_projects_active_generation'
           AND c.conrelid = 'public.projects'::regclass
           AND c.convalidated
       ) <> 1
    OR (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgenabled = 'O'
           AND (t.tgrelid = 'public.generations'::regclass AND t.tgname IN (
                    'generations_number_before_insert', 'generations_activate_after_insert',
                    'generations_activate_after_update', 'generations_renumber_before_move')
                OR t.tgrelid = 'public.projects'::regclass AND t.tgname = 'projects_latest_version_before_update')
       ) <> 5
    THEN
        RAISE EXCEPTION 'revision 39e7f45c72f1 is not complete'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run it again: it goes on where it stopped.';
    END IF;
END
$$;
