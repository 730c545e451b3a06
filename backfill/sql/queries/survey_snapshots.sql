-- The oldest transactions that keep dead rows from being cleaned up: sessions of this database, standbys that send their
-- feedback, prepared transactions, slots. Of other roles' sessions an ordinary role sees no age: those are left out.
SELECT what, seconds, transactions
FROM (
    SELECT format('session %s (%s)', pid, coalesce(nullif(application_name, ''), backend_type)) AS what,
           CAST(extract(epoch FROM now() - xact_start) AS float8) AS seconds,
           age(coalesce(backend_xmin, backend_xid)) AS transactions
    FROM pg_catalog.pg_stat_activity
    WHERE coalesce(backend_xmin, backend_xid) IS NOT NULL
      AND pid <> pg_catalog.pg_backend_pid()
      AND (datname = current_database() OR datname IS NULL)
      AND backend_type NOT LIKE 'autovacuum%'
    UNION ALL
    SELECT format('prepared transaction %s', gid), CAST(extract(epoch FROM now() - prepared) AS float8), age(transaction)
    FROM pg_catalog.pg_prepared_xacts
    WHERE database = current_database()
    UNION ALL
    SELECT format('replication slot %s', slot_name), NULL, age(xmin)
    FROM pg_catalog.pg_replication_slots
    WHERE xmin IS NOT NULL
) AS held
ORDER BY seconds DESC NULLS LAST, transactions DESC
LIMIT 5
