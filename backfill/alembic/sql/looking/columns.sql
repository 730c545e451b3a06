-- The columns of one table, as PostgreSQL spells them. `is_made`: an identity or a generated column, which has a value by
-- other means than a default.
SELECT CAST(a.attname AS text) AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
       a.attidentity <> '' OR a.attgenerated <> '' AS is_made
FROM pg_catalog.pg_attribute AS a
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass(CAST(:relation AS text)) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
