-- Everybody who streams, also logically, but for base backups. Bytes are honest; seconds are NULL on an idle server. Without
-- pg_monitor there is a row with nothing but its pid in it, which is not "no lag". A dead standby is no row: see slots.
SELECT pid, application_name AS name, state,
       CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn) AS float8) AS behind_bytes,
       CAST(extract(epoch FROM replay_lag) AS float8) AS behind_seconds,
       CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0') AS float8) AS written_bytes
FROM pg_catalog.pg_stat_replication
WHERE state IS DISTINCT FROM 'backup'
ORDER BY pid
