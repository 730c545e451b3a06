-- Runs in the transaction that records the revision, so that no schema is recorded as migrated that is not: a script
-- that psql goes on with after an error would do just that. By what objects do, where their names may be others.
DO $$
BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_attribute AS a
         WHERE NOT a.attisdropped
           AND (a.attrelid = 'public.generations'::regclass AND a.attname IN (
                    'version', 'version_name', 'is_active', 'storage_path',
                    'file_count', 'total_size_bytes', 'diff_from_previous', 'changes_summary')
                OR a.attrelid = 'public.projects'::regclass AND a.attname IN ('latest_version', 'active_generation_id'))
       ) <> 10
    OR (SELECT count(*) FROM pg_catalog.pg_attribute AS a
         WHERE a.attnotnull AND a.atthasdef
           AND (a.attrelid = 'public.generations'::regclass AND a.attname IN ('version', 'is_active', 'file_count')
                OR a.attrelid = 'public.projects'::regclass AND a.attname = 'latest_version')
       ) <> 4
    OR (SELECT count(DISTINCT n.columns)
          FROM (VALUES ('public.generations', 'project_id created_at id'),
                       ('public.projects', 'created_at id'),
                       ('public.projects', 'active_generation_id')) AS n (table_name, columns)
          JOIN pg_catalog.pg_index AS i ON i.indrelid = to_regclass(n.table_name) AND i.indisvalid
         WHERE n.columns = (
               SELECT string_agg(a.attname, ' ' ORDER BY k.place)
                 FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
       ) <> 3
    OR NOT coalesce((
        SELECT bool_and(k.convalidated AND k.confdeltype = 'n' AND k.confrelid = 'public.generations'::regclass)
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
       ), false)
    OR (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgenabled IN ('O', 'A')
           AND (t.tgrelid = 'public.generations'::regclass AND t.tgname IN (
                    'generations_number_before_insert', 'generations_activate_after_insert',
                    'generations_activate_after_update', 'generations_renumber_before_move',
                    'generations_raise_after_insert')
                OR t.tgrelid = 'public.projects'::regclass AND t.tgname IN (
                    'projects_latest_version_before_update', 'projects_reserve_before_update',
                    'projects_reserve_after_insert'))
       ) <> 8
    THEN
        RAISE EXCEPTION 'revision 39e7f45c72f1 is not complete'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run it again: it goes on where it stopped.';
    END IF;
END
$$;
