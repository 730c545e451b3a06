-- Whoever is still connected, a worker that was killed, is of the test that has ended.
DROP DATABASE IF EXISTS "{name}" WITH (FORCE)
