-- Sizes on disk (`toast_bytes`: long values, which a run leaves where they are, and the maps), and what the planner and
-- the statistics believe. -1 is before the first ANALYZE. Tables by name and not by to_regclass, which wants a right on the
-- schema: what is missing is then told by the check of the rights, and not by an error of this statement. text[], because
-- what another array is the driver would have to ask, and it switches `jit` off in the session to do so.
-- Of a table that is divided into partitions: all of theirs together, as it has no rows itself.
SELECT c.relname AS table,
       CAST(sum(pg_catalog.pg_relation_size(p.oid)) AS bigint) AS table_bytes,
       CAST(sum(pg_catalog.pg_table_size(p.oid) - pg_catalog.pg_relation_size(p.oid)) AS bigint) AS toast_bytes,
       CAST(sum(pg_catalog.pg_indexes_size(p.oid)) AS bigint) AS index_bytes,
       CASE WHEN bool_and(p.reltuples >= 0) THEN CAST(sum(p.reltuples) AS bigint) END AS believed_rows,
       CAST(sum(coalesce(s.n_dead_tup, 0)) AS bigint) AS dead_rows,
       CAST(sum(coalesce(s.n_mod_since_analyze, 0)) AS bigint) AS changed_rows
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
LEFT JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS t ON t.isleaf
JOIN pg_catalog.pg_class AS p ON p.oid = coalesce(CAST(t.relid AS oid), c.oid)
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = p.oid
GROUP BY c.oid, c.relname
ORDER BY c.relname
