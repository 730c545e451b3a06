-- Stops a migration at the first definition that it has not been stopped at before, as long as this session holds the lock.
-- What a migration tries out on its empty copy of a table is none.
CREATE SCHEMA barrier;
CREATE TABLE barrier.seen (statement text);
CREATE FUNCTION barrier.stop() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') = 'backfill-migration' AND current_query() NOT LIKE '%online_copy%'
       AND NOT EXISTS (SELECT FROM barrier.seen WHERE statement = current_query()) THEN
        PERFORM pg_advisory_xact_lock(1, 1);
    END IF;
END $$;
CREATE EVENT TRIGGER barrier ON ddl_command_start EXECUTE FUNCTION barrier.stop();
SELECT pg_advisory_lock(1, 1);
