-- Where the history begins.
SELECT id, project_id, created_at, status, version, storage_path FROM history.generations
