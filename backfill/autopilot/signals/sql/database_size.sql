-- On disk. It asks the file system for every file, so it is read once in a while, and only where there is a limit.
SELECT CAST(pg_catalog.pg_database_size(current_database()) AS float8) AS bytes
