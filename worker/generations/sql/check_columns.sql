-- Type, nullability and default of every column the backfill relies on, as PostgreSQL itself spells them.
SELECT c.relname || '.' || a.attname AS name,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS type
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = to_regnamespace('public')
  AND c.relname IN ('projects', 'generations')
  AND a.attnum > 0
  AND NOT a.attisdropped
