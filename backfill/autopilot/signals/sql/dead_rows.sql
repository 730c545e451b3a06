-- The tables with the most dead rows: what a run leaves for autovacuum. From statistics, which everybody may read.
SELECT schemaname || '.' || relname AS name,
       CAST(n_dead_tup AS float8) AS dead, CAST(n_live_tup AS float8) AS live
FROM pg_catalog.pg_stat_user_tables
WHERE n_dead_tup > 0
ORDER BY n_dead_tup DESC
LIMIT 3
