-- Workers, application and whoever looks on: all that are on the database, from a session that is on another one.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1;
