-- The model gave up.
UPDATE generations SET status = 'failed', error_message = $2, updated_at = now() WHERE id = $1
