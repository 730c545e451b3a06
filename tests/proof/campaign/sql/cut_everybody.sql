-- Workers, application and whoever looks on: all that are on the database, from a session that is on another one. It
-- waits for each of them to be gone: what the application is excused for must not come after the excuse has ended.
SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = $1;
