-- The foreign key of the active generation: 'n' is ON DELETE SET NULL. Tables by name and not by to_regclass, which wants
-- a right on the schema: what is missing is then told by the check of the rights, and not by an error of this statement.
SELECT k.convalidated AS validated, k.confdeltype = 'n' AS sets_null
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
WHERE k.conname = 'fk_projects_active_generation' AND k.contype = 'f'
  AND c.relnamespace = to_regnamespace('public') AND c.relname = 'projects'
