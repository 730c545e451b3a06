-- The project shows when something last happened in it. The clock is read while its row is locked.
UPDATE projects SET status = $2, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
