-- Updates of this session that are not in the statistics yet: those of this transaction, and perhaps of the one before,
-- so it is the difference within a transaction that counts.
SELECT CAST(sum(pg_stat_get_xact_tuples_updated(c.oid)) AS bigint) AS updates,
       CAST(sum(pg_stat_get_xact_tuples_hot_updated(c.oid)) AS bigint) AS hot_updates
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = to_regnamespace('public') AND c.relname IN ('projects', 'generations')
