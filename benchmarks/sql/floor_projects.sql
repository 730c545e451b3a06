-- And every project, with no reference that would have to be checked.
UPDATE projects SET latest_version = 1, active_generation_id = NULL
