-- Updates of this session that are not in the statistics yet: those of this transaction, and perhaps of the one before,
-- so it is the difference within a transaction that counts. `rows` are those of generations.
SELECT CAST(sum(pg_stat_get_xact_tuples_updated(c.oid)) AS bigint) AS updates,
       CAST(sum(pg_stat_get_xact_tuples_hot_updated(c.oid)) AS bigint) AS hot_updates,
       CAST(sum(pg_stat_get_xact_tuples_updated(c.oid)) FILTER (WHERE c.relname = 'generations') AS bigint) AS rows
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = to_regnamespace('public') AND c.relname IN ('projects', 'generations')
