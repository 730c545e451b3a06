-- Type, nullability and default of every column of the named tables, as PostgreSQL itself spells them. Tables by name and
-- not by to_regclass, which wants a right on the schema: what is missing is then told by the check of the rights, and
-- not by an error of this statement. text[] and not name[]: what that is the driver would have to ask, and it sets `jit`
-- in the session to do so.
SELECT CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS "table", CAST(a.attname AS text) AS name,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       pg_get_expr(d.adbin, d.adrelid) AS "default"
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
  ON wanted.schema_name = n.nspname AND wanted.table_name = c.relname
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY n.nspname, c.relname, a.attnum
