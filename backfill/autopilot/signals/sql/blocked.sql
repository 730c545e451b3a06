-- Sessions that wait for a lock which one of ours holds, and the longest of these waits. Neither pg_locks nor
-- pg_blocking_pids wants a right, and names of applications are everybody's to see. pg_blocking_pids takes the locks of the
-- lock table itself, so it is asked of those that wait alone. waitstart is there since PostgreSQL 14, hence the detour over
-- JSON; before, the start of the statement stands for it, which only pg_monitor shows.
WITH ours AS (
    SELECT array_agg(pid) AS pids FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database() AND application_name = ANY (CAST(:ours AS text[]))
), waiting AS (
    SELECT l.pid, min(coalesce(CAST(to_jsonb(l) ->> 'waitstart' AS timestamptz), a.query_start, clock_timestamp())) AS since
    FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
    WHERE NOT l.granted
    GROUP BY l.pid
)
SELECT count(*) AS sessions,
       CAST(coalesce(max(extract(epoch FROM clock_timestamp() - w.since)), 0) AS float8) AS longest_seconds
FROM waiting AS w CROSS JOIN ours
WHERE w.pid <> ALL (ours.pids) AND pg_catalog.pg_blocking_pids(w.pid) && ours.pids
