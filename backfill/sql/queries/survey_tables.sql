-- Sizes on disk (`toast_bytes`: long values, which a run leaves where they are, and the maps), and what the planner and
-- the statistics believe. -1 is before the first ANALYZE. Tables by name and not by to_regclass, which wants a right on the
-- schema: what is missing is then told by the check of the rights, and not by an error of this statement. text[], because
-- what another array is the driver would have to ask, and it switches `jit` off in the session to do so.
SELECT c.relname AS table,
       pg_catalog.pg_relation_size(c.oid) AS table_bytes,
       pg_catalog.pg_table_size(c.oid) - pg_catalog.pg_relation_size(c.oid) AS toast_bytes,
       pg_catalog.pg_indexes_size(c.oid) AS index_bytes,
       CASE WHEN c.reltuples >= 0 THEN CAST(c.reltuples AS bigint) END AS believed_rows,
       coalesce(s.n_dead_tup, 0) AS dead_rows,
       coalesce(s.n_mod_since_analyze, 0) AS changed_rows
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
ORDER BY c.relname
