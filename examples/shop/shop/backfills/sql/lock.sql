-- SKIP LOCKED: the backfill never waits for a row; what is missing in the answer is tried again later.
SELECT CAST(id AS text) AS id
FROM public.customers
WHERE id = ANY (CAST(CAST(:ids AS text[]) AS bigint[]))
FOR NO KEY UPDATE SKIP LOCKED
