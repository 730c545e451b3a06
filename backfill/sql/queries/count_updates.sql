-- Updates of this session that are not in the statistics yet: those of this transaction, and perhaps of the one before,
-- so it is the difference within a transaction that counts. `rows` are those of the table whose rows are written.
SELECT CAST(coalesce(sum(pg_stat_get_xact_tuples_updated(c.oid)), 0) AS bigint) AS updates,
       CAST(coalesce(sum(pg_stat_get_xact_tuples_hot_updated(c.oid)), 0) AS bigint) AS hot_updates,
       CAST(coalesce(sum(pg_stat_get_xact_tuples_updated(c.oid)) FILTER (WHERE c.relname = :rows_of), 0) AS bigint) AS rows
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
