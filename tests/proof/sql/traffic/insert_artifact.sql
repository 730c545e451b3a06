-- What a completed generation leaves in the file storage.
INSERT INTO artifacts (id, generation_id, type, storage_url, file_size) VALUES ($1, $2, $3, $4, $5)
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp
