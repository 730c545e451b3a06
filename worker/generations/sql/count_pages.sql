-- On how many pages the rows of a batch are that it is going to write.
SELECT count(*) AS rows, count(DISTINCT split_part(CAST(ctid AS text), ',', 1)) AS pages
FROM public.generations
WHERE project_id = ANY (CAST(:ids AS text[])) AND storage_path IS NULL
