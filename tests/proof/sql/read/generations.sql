-- Every column that today's release knows, long ones as digests.
SELECT id, project_id, user_id, md5(prompt) AS prompt, md5(context::text) AS context,
       md5(extracted_schema::text) AS extracted_schema, md5(output_files::text) AS output_files,
       md5(review_feedback::text) AS review_feedback, md5(documentation::text) AS documentation, quality_score, status,
       md5(error_message) AS error_message, schema_extraction_time, code_generation_time, review_time,
       docs_generation_time, total_time, is_iteration, parent_generation_id, created_at, updated_at
FROM generations
