-- Takes the snapshot of a REPEATABLE READ transaction, before anything is locked.
SELECT count(*) FROM generations WHERE project_id = $1
