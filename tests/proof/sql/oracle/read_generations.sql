-- The columns that the migration adds.
SELECT id, project_id, created_at, status, version, storage_path, is_active, version_name, file_count, total_size_bytes,
       md5(diff_from_previous) AS diff_from_previous, md5(changes_summary::text) AS changes_summary
FROM public.generations
