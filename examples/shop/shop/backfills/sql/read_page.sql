-- The next customers in key order, without a lock.
SELECT CAST(c.id AS text) AS id, c.email_normalized IS NOT NULL AS settled
FROM public.customers AS c
WHERE c.id > coalesce(CAST(CAST(:after AS text) AS bigint), -9223372036854775808)
  AND c.id <= CAST(CAST(:end AS text) AS bigint)
ORDER BY c.id
LIMIT :units
