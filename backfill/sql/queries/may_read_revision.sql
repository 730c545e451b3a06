-- Whether Alembic's table is there, and whether this role may read it. No row: it is not there. Both rights are asked for,
-- because without the first the second is of no use. By name for the reason given in columns.sql.
SELECT has_schema_privilege(c.relnamespace, 'USAGE')
       AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')) AS readable
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = to_regnamespace('public') AND c.relname = 'alembic_version' AND c.relkind IN ('r', 'p')
