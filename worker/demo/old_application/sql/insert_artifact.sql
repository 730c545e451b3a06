-- What a completed generation leaves in the file storage.
INSERT INTO artifacts (id, generation_id, type, storage_url, file_size) VALUES ($1, $2, 'zip', $3, $4)
