-- Every column, long ones as digests.
SELECT id, generation_id, type, storage_url, file_size, md5(file_metadata::text) AS file_metadata, created_at, updated_at
FROM artifacts
