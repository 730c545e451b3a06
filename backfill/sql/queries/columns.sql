-- Type, nullability and default of every column of the named tables, as PostgreSQL itself spells them. Tables by name and
-- not by to_regclass, which wants a right on the schema: what is missing is then told by the check of the rights, and
-- not by an error of this statement. text[] and not name[]: what that is the driver would have to ask, and it sets `jit`
-- in the session to do so.
SELECT CAST(c.relname AS text) AS "table", CAST(a.attname AS text) AS name,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       pg_get_expr(d.adbin, d.adrelid) AS "default"
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace('public') AND c.relname = ANY (CAST(:tables AS text[]))
  AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
