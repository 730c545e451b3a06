-- The sync triggers; 'O' and 'A' fire in ordinary sessions, 'D' and 'R' do not.
-- Tables by name for the reason given in check_foreign_key.
SELECT c.relname || '.' || t.tgname AS name, t.tgenabled IN ('O', 'A') AS enabled
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal
  AND c.relnamespace = to_regnamespace('public') AND c.relname IN ('projects', 'generations')
