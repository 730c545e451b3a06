-- What the flags are changed for; without a lock.
SELECT active_generation_id FROM projects WHERE id = $1
