-- The same for projects, with no reference that would have to be checked.
UPDATE projects SET latest_version = 1, active_generation_id = NULL
WHERE ctid >= $1::tid AND ctid < $2::tid AND latest_version = 0
