-- Bytes of WAL since the cluster began: of all databases, so nothing else may write while a benchmark runs.
SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint) AS wal_bytes
