-- Sizes on disk (`toast_bytes`: long values, which a run leaves where they are, and the maps), and what the planner and the statistics believe. -1 is before the first ANALYZE.
SELECT c.relname AS table,
       pg_catalog.pg_relation_size(c.oid) AS table_bytes,
       pg_catalog.pg_table_size(c.oid) - pg_catalog.pg_relation_size(c.oid) AS toast_bytes,
       pg_catalog.pg_indexes_size(c.oid) AS index_bytes,
       CASE WHEN c.reltuples >= 0 THEN CAST(c.reltuples AS bigint) END AS believed_rows,
       coalesce(s.n_dead_tup, 0) AS dead_rows,
       coalesce(s.n_mod_since_analyze, 0) AS changed_rows
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid
WHERE c.relnamespace = to_regnamespace('public') AND c.relname IN ('generations', 'projects')
ORDER BY c.relname
