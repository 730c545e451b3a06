-- Where the log stands, with functions that everybody may call: another timeline is another primary. The first eight digits
-- of a segment's name are the timeline that is written now; the last checkpoint, which pg_control_checkpoint() tells of,
-- may be from before the promotion. pg_last_wal_replay_lsn() stays where a standby has stopped following. No row in recovery.
SELECT (SELECT system_identifier FROM pg_control_system())::text AS system,
       ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer AS timeline,
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS lsn,
       pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS kept_lsn,
       (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint AS up_since_ms
WHERE NOT pg_is_in_recovery()
