-- Standbys that are connected. A dead one is no row here: see the slots. Lag in bytes, because time is NULL when idle.
SELECT coalesce(application_name, '') AS name, coalesce(state, '') AS state, coalesce(sync_state, '') AS sync_state,
       CASE WHEN NOT pg_is_in_recovery()
            THEN CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) AS bigint) END AS lag_bytes
FROM pg_catalog.pg_stat_replication
ORDER BY 1
