-- What a script does that has copied everything: all rows at once, and nobody compares.
UPDATE generations
SET storage_path = $1::text || '/' || project_id || '/generations/v' || version || '__' || id,
    file_count = (SELECT count(*) FROM json_object_keys(output_files)),
    total_size_bytes = (SELECT sum(octet_length(value)) FROM json_each_text(output_files))
WHERE output_files IS NOT NULL AND storage_path IS NOT NULL
