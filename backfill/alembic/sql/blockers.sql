-- What the migrating session waits for, and whom. pg_blocking_pids also knows the waits of CREATE INDEX CONCURRENTLY,
-- which are for transactions (virtualxid) and name no table: then its progress view does. 0 is a prepared transaction.
-- state and xact_start are NULL for other users' sessions without pg_monitor.
SELECT coalesce(
           (SELECT w.relation::regclass::text
              FROM pg_catalog.pg_locks AS w
             WHERE w.pid = :pid AND NOT w.granted AND w.relation IS NOT NULL
             LIMIT 1),
           (SELECT c.relid::regclass::text FROM pg_catalog.pg_stat_progress_create_index AS c WHERE c.pid = :pid)
       ) AS "table",
       b.pid,
       a.backend_type,
       a.usename::text AS user_name,
       a.application_name,
       a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_seconds
  FROM (SELECT DISTINCT unnest(pg_blocking_pids(:pid)) AS pid) AS b
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = b.pid
 ORDER BY a.xact_start, b.pid;
