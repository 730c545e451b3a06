-- The tables with the most dead rows, what a run leaves for autovacuum, and at how many of them it begins there: by the
-- table's own settings where it has any. From statistics, which everybody may read. The upper bound came with PostgreSQL 18.
SELECT seen.schemaname || '.' || seen.relname AS name, CAST(seen.n_dead_tup AS float8) AS dead,
       least(
           coalesce(own.threshold, CAST(current_setting('autovacuum_vacuum_threshold') AS float8))
           + coalesce(own.scale, CAST(current_setting('autovacuum_vacuum_scale_factor') AS float8)) * greatest(c.reltuples, 0),
           nullif(coalesce(own.most, CAST(current_setting('autovacuum_vacuum_max_threshold', true) AS float8)), -1)
       ) AS begins_at,
       coalesce(own.enabled, true) AND CAST(current_setting('autovacuum') AS boolean) AS is_on
FROM pg_catalog.pg_stat_user_tables AS seen
JOIN pg_catalog.pg_class AS c ON c.oid = seen.relid
CROSS JOIN LATERAL (
    SELECT CAST(max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS float8) AS threshold,
           CAST(max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS float8) AS scale,
           CAST(max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_max_threshold') AS float8) AS most,
           CAST(max(option_value) FILTER (WHERE option_name = 'autovacuum_enabled') AS boolean) AS enabled
    FROM pg_catalog.pg_options_to_table(c.reloptions)
) AS own
WHERE seen.n_dead_tup > 0
ORDER BY seen.n_dead_tup DESC
LIMIT 3
