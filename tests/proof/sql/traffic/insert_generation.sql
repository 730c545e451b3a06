-- What a user asks for. No created_at: the application leaves it to the server's default.
INSERT INTO generations (id, project_id, user_id, prompt, context, status, is_iteration, parent_generation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp
