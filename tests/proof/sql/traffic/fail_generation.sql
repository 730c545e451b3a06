-- The model gave up.
UPDATE generations SET status = $2, error_message = $3, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
