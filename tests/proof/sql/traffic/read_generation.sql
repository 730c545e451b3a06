-- A browser polls for the result.
SELECT id, status, quality_score, total_time, error_message, updated_at FROM generations WHERE id = $1
