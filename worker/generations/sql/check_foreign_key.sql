-- The foreign key of the active generation: 'n' is ON DELETE SET NULL.
SELECT convalidated AS validated, confdeltype = 'n' AS sets_null
FROM pg_catalog.pg_constraint
WHERE conname = 'fk_projects_active_generation' AND conrelid = to_regclass('public.projects') AND contype = 'f'
