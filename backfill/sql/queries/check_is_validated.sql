-- NULL: no such check. False: added NOT VALID and not validated since.
SELECT k.convalidated
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
WHERE t.relnamespace = to_regnamespace('public') AND t.relname = CAST(:table AS text)
  AND k.contype = 'c' AND k.conname = CAST(:name AS text)
