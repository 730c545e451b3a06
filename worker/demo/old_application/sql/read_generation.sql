-- A browser polls for the result. The columns are named: `*` would break a prepared statement once a column is added.
SELECT id, status, quality_score, total_time, error_message, updated_at FROM generations WHERE id = $1
