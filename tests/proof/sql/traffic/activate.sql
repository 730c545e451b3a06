-- Only if the project still points at what the flags were changed for.
UPDATE projects SET active_generation_id = $2, updated_at = now()
WHERE id = $1 AND active_generation_id IS NOT DISTINCT FROM $3::text
RETURNING id, updated_at, clock_timestamp() AS stamp
