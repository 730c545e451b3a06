-- What emptying the database would destroy. `foreign_names`: relations that the application does not have. `filled`:
-- whether any of the application's tables ever had a row; its size says so without reading it, and errs to the safe
-- side. `is_ours`: an earlier demo has left its mark.
WITH found AS (
    SELECT n.nspname AS folder, c.relname AS name, c.relkind AS kind, c.oid
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
)
SELECT coalesce(obj_description(to_regnamespace('public')::oid, 'pg_namespace') = 'left by backfill demo', false)
           AS is_ours,
       ARRAY(SELECT name::text FROM found
             WHERE folder <> 'public' OR kind <> 'r' OR name <> ALL (CAST(:known AS text[]))
             ORDER BY name) AS foreign_names,
       EXISTS (SELECT FROM found WHERE name <> 'alembic_version' AND pg_relation_size(oid) > 0) AS filled
