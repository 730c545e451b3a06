-- Replication slots: WAL from restart_lsn on is kept for them, whoever reads it, and if nobody does.
SELECT CAST(slot_name AS text) AS name, slot_type AS kind, active, wal_status,
       CASE WHEN NOT pg_is_in_recovery()
            THEN CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn) AS bigint) END AS kept_bytes
FROM pg_catalog.pg_replication_slots
ORDER BY 1
