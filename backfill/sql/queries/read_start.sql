-- For where pg_control_system() cannot be called: a right is checked before the statement begins, so it needs one without.
SELECT NULL::text AS system, (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS started_us
