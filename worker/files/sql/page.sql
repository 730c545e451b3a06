-- What verification looks at of some rows: not the files in output_files, only whether there are any.
SELECT g.id, g.project_id, g.version, g.storage_path, g.file_count, g.total_size_bytes,
       g.status IN ('completed', 'failed') AND g.storage_path IS NOT NULL AND g.version >= 1 AS is_concerned,
       g.updated_at > now() - interval '10 minutes' AS is_recent,
       CASE json_typeof(g.output_files)
           WHEN 'object' THEN EXISTS (SELECT FROM json_object_keys(g.output_files))
           ELSE json_typeof(g.output_files) <> 'null'
       END AS has_output
FROM public.generations AS g
WHERE g.id = ANY (CAST(:ids AS text[]))
