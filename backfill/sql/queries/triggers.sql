-- The triggers of the named tables; 'O' and 'A' fire in ordinary sessions, 'D' and 'R' do not. Tables by name for the
-- reason given in columns.sql.
SELECT CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS "table", CAST(t.tgname AS text) AS name,
       CAST(f.proname AS text) AS function, f.prosrc AS body, t.tgenabled IN ('O', 'A') AS enabled
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
  ON wanted.schema_name = n.nspname AND wanted.table_name = c.relname
WHERE NOT t.tgisinternal
ORDER BY n.nspname, c.relname, t.tgname
