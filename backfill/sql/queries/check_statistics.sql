-- Tables that are large on disk and empty in the planner's eyes, as an ANALYZE during a long load leaves them. The plan
-- of a batch then reads a whole index for a handful of rows. -1 is no such case: the planner goes by the size then.
SELECT p.relname AS name
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
LEFT JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS t ON t.isleaf
JOIN pg_catalog.pg_class AS p ON p.oid = coalesce(CAST(t.relid AS oid), c.oid)
WHERE p.reltuples = 0 AND pg_catalog.pg_relation_size(p.oid) > 8 * 1024 * 1024
ORDER BY p.relname
