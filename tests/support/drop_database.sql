-- FORCE: a test that failed, or a process that it killed, may have left connections.
DROP DATABASE IF EXISTS "{name}" WITH (FORCE);
