-- Bytes of WAL that the server has ever written, by everybody on it: counted from the beginning, so that two readings can be
-- subtracted. A standby refuses it.
SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bigint)
