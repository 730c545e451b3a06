-- The connection goes back to a pool and takes the session's functions with it.
DROP FUNCTION pg_temp.draw, pg_temp.pick, pg_temp.key
