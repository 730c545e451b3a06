-- A request that was sent twice.
INSERT INTO generations (id, project_id, user_id, prompt, context, status, is_iteration, parent_generation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp
