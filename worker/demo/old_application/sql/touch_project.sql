-- The project shows when something last happened in it.
UPDATE projects SET status = 'active', updated_at = now() WHERE id = $1
