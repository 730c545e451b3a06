-- WAL from restart_lsn on is kept for a slot, whoever reads it, and if nobody does. A logical slot that is read keeps more
-- than its reader is behind, so of it counts what was confirmed. A lost slot keeps nothing any more, a temporary one ends
-- with its session. Everybody may read this view.
SELECT CAST(slot_name AS text) AS name, active, wal_status, CAST(safe_wal_size AS float8) AS room_bytes,
       CAST(pg_catalog.pg_wal_lsn_diff(
           pg_catalog.pg_current_wal_lsn(),
           CASE WHEN active THEN coalesce(confirmed_flush_lsn, restart_lsn) ELSE restart_lsn END) AS float8) AS kept_bytes,
       CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0') AS float8) AS written_bytes
FROM pg_catalog.pg_replication_slots
WHERE restart_lsn IS NOT NULL AND NOT temporary AND wal_status IS DISTINCT FROM 'lost'
ORDER BY 1
