-- With the number that the release has counted to; it takes back the one it got.
INSERT INTO generations (id, project_id, user_id, prompt, context, status, is_iteration, parent_generation_id, version,
                         version_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp, version
