-- Sessions of all databases against those that ordinary roles may have. The counts are everybody's to read; who is active
-- is not, without pg_monitor: then `hidden` is above 0.
SELECT CAST((SELECT sum(numbackends) FROM pg_catalog.pg_stat_database) AS float8) AS used,
       CAST(current_setting('max_connections') AS int) - CAST(current_setting('superuser_reserved_connections') AS int)
           AS allowed,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state IS NULL AND backend_type IS NULL) AS hidden
FROM pg_catalog.pg_stat_activity
WHERE pid <> pg_catalog.pg_backend_pid() AND (backend_type = 'client backend' OR backend_type IS NULL)
