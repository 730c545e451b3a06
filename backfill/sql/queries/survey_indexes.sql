-- Indexes that have to do with a column that a run writes, also by an expression or a condition: with one of these no new
-- version of a row can stay in its page without an entry in every index.
SELECT DISTINCT i.relname AS name
FROM pg_catalog.pg_namespace AS n
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid
JOIN pg_catalog.pg_index AS x ON x.indrelid = c.oid
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_depend AS d ON d.objid = x.indexrelid AND d.refobjid = c.oid
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE n.nspname = :schema AND c.relname = :table
  AND d.classid = CAST('pg_catalog.pg_class' AS regclass)
  AND a.attname = ANY (CAST(:columns AS text[]))
ORDER BY 1
