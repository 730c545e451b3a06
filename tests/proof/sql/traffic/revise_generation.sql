-- A user edits the documentation of a result.
UPDATE generations SET documentation = $2, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
