-- What the release believes to be the latest one.
UPDATE projects SET latest_version = $2, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
