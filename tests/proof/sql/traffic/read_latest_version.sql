-- To count from; without a lock.
SELECT latest_version FROM projects WHERE id = $1
