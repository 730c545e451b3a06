-- Several variants of one wish, in one statement: their created_at is the same.
INSERT INTO generations (id, project_id, user_id, prompt, context, status, is_iteration)
SELECT id, $2, $3, $4, $5, $6, $7
FROM unnest($1::text[]) AS id
RETURNING id, created_at, updated_at, clock_timestamp() AS stamp
