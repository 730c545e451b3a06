-- Indexes that have to do with a column that a run writes in generations, also by an expression or a condition: with one of
-- these no new version of a row can stay in its page without an entry in every index.
SELECT DISTINCT c.relname AS name
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_index AS i ON i.indexrelid = d.objid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE t.relnamespace = to_regnamespace('public') AND t.relname = 'generations'
  AND d.classid = CAST('pg_catalog.pg_class' AS regclass) AND d.refobjid = t.oid
  AND a.attname IN ('version', 'storage_path', 'is_active')
ORDER BY 1
