-- Stops a migration just before the statement that barrier.before names, until the session that runs this lets go.
CREATE SCHEMA barrier;
CREATE TABLE barrier.before (statement text);
INSERT INTO barrier.before VALUES ('');
CREATE FUNCTION barrier.stop_if_named() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_query() LIKE (SELECT statement FROM barrier.before) THEN
        PERFORM pg_advisory_xact_lock(1, 1);
    END IF;
END $$;
CREATE FUNCTION barrier.stop_definition() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM barrier.stop_if_named();
END $$;
CREATE FUNCTION barrier.stop_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM barrier.stop_if_named();
    RETURN NEW;
END $$;
CREATE TRIGGER barrier BEFORE UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION barrier.stop_row();
CREATE EVENT TRIGGER barrier ON ddl_command_start EXECUTE FUNCTION barrier.stop_definition();
SELECT pg_advisory_lock(1, 1);
