-- A generation belongs to another project from now on.
UPDATE generations SET project_id = $2, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
