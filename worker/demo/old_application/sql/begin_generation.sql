-- A worker of the application takes the generation up.
UPDATE generations
SET status = 'processing', extracted_schema = $2, schema_extraction_time = $3, updated_at = now()
WHERE id = $1
