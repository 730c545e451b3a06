-- The foreign keys of the named tables, by what they do. A key can be NOT ENFORCED since PostgreSQL 18; older servers do
-- not have that column, hence the detour over JSON. Tables by name and text[] for the reasons given in columns.sql.
SELECT CAST(n.nspname AS text) AS schema, CAST(t.relname AS text) AS "table", CAST(k.conname AS text) AS name,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(k.conkey) WITH ORDINALITY AS c (attnum, place)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.attnum
           ORDER BY c.place
       ) AS columns,
       CAST(r.relname AS text) AS to_table,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(k.confkey) WITH ORDINALITY AS c (attnum, place)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = c.attnum
           ORDER BY c.place
       ) AS to_columns,
       CASE k.confdeltype WHEN 'n' THEN 'SET NULL' WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT'
            WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END AS on_delete,
       k.convalidated AS validated,
       coalesce(CAST(to_jsonb(k) ->> 'conenforced' AS boolean), true) AS enforced
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid
JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
JOIN unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
  ON wanted.schema_name = n.nspname AND wanted.table_name = t.relname
WHERE k.contype = 'f'
ORDER BY n.nspname, t.relname, k.conname
