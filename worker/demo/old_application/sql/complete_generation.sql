-- The result, as the application saves it: everything in one UPDATE.
UPDATE generations
SET output_files = $2, review_feedback = $3, documentation = $4, quality_score = $5, code_generation_time = $6::float8,
    review_time = 4.0, docs_generation_time = 2.5, total_time = $6::float8 + 9.0, status = 'completed', updated_at = now()
WHERE id = $1
