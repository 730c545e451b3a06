-- What a small transaction of an application costs here: three times it waits to be woken, as after each of its statements,
-- and then it writes and commits, with nothing to lock. A session that is woken while every core is busy waits for one, which
-- a commit by itself would hardly show. The server takes the time, from within, so that neither the network nor this process's
-- own work is in it; the sleeps are taken off, a millisecond each, to which the server
-- rounds up. The message goes to the log and to no table; it needs no
-- right, and who decodes the log sees its prefix. The answer is an INFO, which no setting holds back. Behind PgBouncer it is
-- one message, and so one session.
DO $probe$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    FOR waking IN 1..3 LOOP
        PERFORM pg_catalog.pg_sleep(0.0005);
    END LOOP;
    PERFORM pg_catalog.pg_logical_emit_message(true, 'backfill.probe', '');
    COMMIT;
    RAISE INFO 'backfill.probe %', extract(epoch FROM clock_timestamp() - began) * 1000 - 3;
END
$probe$
