-- What a small statement of an application costs here: a transaction that writes and commits, with nothing to lock. The
-- server takes the time, from within, so that neither the network nor this process's own work is in it. The message goes to
-- the log and to no table; it needs no right, and who decodes the log sees its prefix. The answer is an INFO, which no
-- setting holds back. Behind PgBouncer it is one message, and so one session.
DO $probe$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    PERFORM pg_catalog.pg_logical_emit_message(true, 'backfill.probe', '');
    COMMIT;
    RAISE INFO 'backfill.probe %', extract(epoch FROM clock_timestamp() - began) * 1000;
END
$probe$
