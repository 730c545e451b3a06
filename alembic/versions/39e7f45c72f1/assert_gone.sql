-- The counterpart of assert_complete for the way back.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a
         WHERE NOT a.attisdropped
           AND (a.attrelid = 'public.generations'::regclass AND a.attname = 'storage_path'
                OR a.attrelid = 'public.projects'::regclass AND a.attname = 'latest_version')
    ) OR to_regproc('public.generations_number_before_insert') IS NOT NULL
      OR to_regproc('public.generations_activate_completed') IS NOT NULL
      OR to_regproc('public.generations_raise_after_insert') IS NOT NULL
      OR to_regproc('public.generations_renumber_before_move') IS NOT NULL
      OR to_regproc('public.projects_latest_version_before_update') IS NOT NULL
      OR to_regproc('public.projects_reserve_numbers') IS NOT NULL
      OR to_regclass('public.ix_generations_project_id_created_at_id') IS NOT NULL
      OR to_regclass('public.ix_projects_created_at_id') IS NOT NULL
    THEN
        RAISE EXCEPTION 'revision 39e7f45c72f1 is not taken back completely'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run it again: it goes on where it stopped.';
    END IF;
END
$$;
