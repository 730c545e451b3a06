-- A worker of the application takes the generation up.
UPDATE generations SET status = $2, extracted_schema = $3, schema_extraction_time = $4, updated_at = now() WHERE id = $1
RETURNING id, updated_at, clock_timestamp() AS stamp
