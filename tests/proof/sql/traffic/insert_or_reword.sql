-- A wish is sent again with other words before its work has begun.
INSERT INTO generations (id, prompt, project_id, user_id, status, is_iteration)
VALUES ($1, $2, $3, $4, 'pending', false)
ON CONFLICT (id) DO UPDATE SET prompt = EXCLUDED.prompt, updated_at = now()
RETURNING id, updated_at, clock_timestamp() AS stamp, xmax = 0 AS inserted
