-- The roles that are there before docs/roles.sql: who owns the application's tables, and the application, which may use
-- no more than the columns that there are before the migration.
SET lock_timeout = '10s';
SELECT format('CREATE ROLE %I LOGIN', r.name) FROM (VALUES (:'owner'), (:'application')) AS r (name)
\gexec
SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, :'owner')
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
\gexec
SELECT format('GRANT SELECT (%1$s), INSERT (%1$s), UPDATE (%1$s), DELETE ON %2$s TO %3$I',
              string_agg(quote_ident(a.attname), ', '), c.oid::regclass, :'application')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
GROUP BY c.oid
\gexec
