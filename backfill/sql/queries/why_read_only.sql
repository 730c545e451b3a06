-- What makes this transaction read-only, and what would change it: a standby is for the URL to avoid, a setting was somebody's
-- decision and is told with where it was made. No row where writing is possible. `own`: it was made for this login alone.
-- session_user, because the settings are those of the role that has logged in.
SELECT CASE WHEN r.standby THEN 'is a standby, which is read-only'
            ELSE 'is read-only: default_transaction_read_only is on, set '
                 || CASE s.source
                    WHEN 'user' THEN format('for the role %I', session_user)
                    WHEN 'database' THEN format('for the database %I', current_database())
                    WHEN 'database user' THEN format('for the role %I in this database', session_user)
                    WHEN 'client' THEN 'in DATABASE_URL'
                    ELSE format('for the server (%s)', s.source) END END AS why,
       CASE WHEN r.standby THEN 'Let DATABASE_URL lead to the primary, or name all hosts in it and target_session_attrs=read-write.'
            WHEN s.source = 'client' THEN 'Remove it from the options there.'
            ELSE 'To write to it: '
                 || CASE s.source
                    WHEN 'user' THEN format('ALTER ROLE %I', session_user)
                    WHEN 'database' THEN format('ALTER DATABASE %I', current_database())
                    WHEN 'database user' THEN format('ALTER ROLE %I IN DATABASE %I', session_user, current_database())
                    ELSE 'ALTER SYSTEM' END
                 || ' RESET default_transaction_read_only;' END AS remedy,
       NOT r.standby AND s.source IN ('user', 'database user', 'client') AS own
FROM pg_catalog.pg_settings AS s
CROSS JOIN (SELECT pg_is_in_recovery() AS standby) AS r
WHERE s.name = 'default_transaction_read_only' AND current_setting('transaction_read_only') = 'on'
