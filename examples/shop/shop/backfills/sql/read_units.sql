-- Customers by their ids, those of them that still exist.
SELECT CAST(c.id AS text) AS id, c.email_normalized IS NOT NULL AS settled
FROM public.customers AS c
WHERE c.id = ANY (CAST(CAST(:ids AS text[]) AS bigint[]))
ORDER BY c.id
