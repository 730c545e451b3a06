-- Where the server's log is, as a number: two of them and the time between make a rate. Everybody may ask.
SELECT CAST(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0') AS float8) AS bytes
