-- Which cluster this is, and since when it is up. From PostgreSQL 13 to 18 everybody may call both functions; the first may
-- have been taken from PUBLIC, or be missing where the server is not quite PostgreSQL.
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system())::text AS system,
       (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS started_us
