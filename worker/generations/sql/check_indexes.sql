-- Indexes that exist, and whether a query may use them: one that was built halfway is there and invalid.
-- Tables by name for the reason given in check_foreign_key.
SELECT c.relname AS name, i.indisvalid AND i.indisready AS valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
WHERE t.relnamespace = to_regnamespace('public') AND t.relname IN ('projects', 'generations')
