-- Sessions of clients that are not ours, in all databases: without any there is no application to be considerate of. Who is
-- connected is everybody's to see, also where backend_type is hidden; what has no user is none of a client's. The names of
-- our own begin alike: workers, the service, commands.
SELECT count(*) AS sessions
FROM pg_catalog.pg_stat_activity
WHERE pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL AND datname IS NOT NULL
  AND coalesce(backend_type, 'client backend') = 'client backend'
  AND application_name NOT LIKE 'backfill-%'
