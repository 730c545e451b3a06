-- Size of the two tables with indexes, and their updates since the copy was made: those of sessions that have ended.
SELECT CAST(sum(pg_total_relation_size(relid)) AS bigint) AS size_bytes,
       CAST(sum(n_tup_upd) AS bigint) AS updates,
       CAST(sum(n_tup_hot_upd) AS bigint) AS hot_updates
FROM pg_stat_user_tables
WHERE relid IN (CAST('public.generations' AS regclass), CAST('public.projects' AS regclass))
