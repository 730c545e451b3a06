-- The generations in the order of the plan. Nothing sorts here, as a sort would have to carry the documents: a temporary
-- table is scanned by one process from its start, and LATERAL with OFFSET 0 leaves no other join than a lookup per row.
INSERT INTO generations (project_id, user_id, prompt, context, extracted_schema, output_files, review_feedback,
                         documentation, quality_score, status, error_message, schema_extraction_time,
                         code_generation_time, review_time, docs_generation_time, total_time, is_iteration,
                         parent_generation_id, id, created_at, updated_at)
SELECT g.project_id, g.user_id, p.prompt, p.context,
       CASE WHEN g.status <> 'pending' THEN p.extracted_schema END,
       CASE WHEN g.status = 'completed' THEN o.output_files END,
       CASE WHEN g.status = 'completed' THEN p.review_feedback END,
       CASE WHEN g.status = 'completed' THEN p.documentation END,
       CASE WHEN g.status = 'completed' THEN 0.5 + g.quality / 2 END,
       g.status,
       CASE WHEN g.status = 'failed' THEN 'The model did not answer within the time limit.' END,
       CASE WHEN g.status <> 'pending' THEN 2 + 6 * g.pace END,
       CASE WHEN g.status = 'completed' THEN 20 + 60 * g.pace END,
       CASE WHEN g.status = 'completed' THEN 5 + 10 * g.pace END,
       CASE WHEN g.status = 'completed' THEN 3 + 4 * g.pace END,
       CASE WHEN g.status = 'completed' THEN 30 + 80 * g.pace END,
       g.parent_id IS NOT NULL, g.parent_id, g.id, g.created_at,
       g.created_at + CASE WHEN g.status = 'pending' THEN interval '0' ELSE (30 + 80 * g.pace) * interval '1 second' END
FROM old_generations AS g
CROSS JOIN LATERAL (SELECT * FROM old_papers WHERE number = g.paper OFFSET 0) AS p
CROSS JOIN LATERAL (SELECT output_files FROM old_outputs WHERE number = g.output OFFSET 0) AS o
