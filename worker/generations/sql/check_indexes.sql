-- Indexes that exist, and whether a query may use them: one that was built halfway is there and invalid.
SELECT c.relname AS name, i.indisvalid AND i.indisready AS valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid IN (to_regclass('public.projects'), to_regclass('public.generations'))
