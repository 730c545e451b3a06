-- The whole result in one UPDATE.
UPDATE generations
SET output_files = $2, review_feedback = $3, documentation = $4, quality_score = $5, code_generation_time = $6,
    review_time = $7, docs_generation_time = $8, total_time = $9, status = $10, updated_at = now()
WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
