-- The triggers of the named tables; 'O' and 'A' fire in ordinary sessions, 'D' and 'R' do not. Tables by name for the
-- reason given in columns.sql.
SELECT CAST(c.relname AS text) AS "table", CAST(t.tgname AS text) AS name, CAST(f.proname AS text) AS function,
       t.tgenabled IN ('O', 'A') AS enabled
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
WHERE NOT t.tgisinternal
  AND c.relnamespace = to_regnamespace('public') AND c.relname = ANY (CAST(:tables AS text[]))
ORDER BY c.relname, t.tgname
