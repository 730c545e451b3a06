-- What hangs on one column: in PostgreSQL's own words, and as what it is. An index of a constraint hangs on that, and is
-- not listed. Not the column's default and its NOT NULL, which are carried over, and not a sequence that it owns.
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS about,
       CASE WHEN c.relkind = 'i' THEN 'index'
            WHEN k.conrelid = d.refobjid AND k.contype IN ('u', 'p') AND NOT k.condeferrable THEN 'constraint'
            ELSE 'other' END AS kind,
       CAST(coalesce(c.relname, k.conname, '') AS text) AS name
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = CAST('pg_constraint' AS regclass) AND k.oid = d.objid
LEFT JOIN pg_catalog.pg_class AS c ON d.classid = CAST('pg_class' AS regclass) AND c.oid = d.objid
LEFT JOIN pg_catalog.pg_attrdef AS f ON d.classid = CAST('pg_attrdef' AS regclass) AND f.oid = d.objid
WHERE d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = to_regclass(CAST(:relation AS text))
  AND a.attname = CAST(:column AS text)
  AND coalesce(k.contype, 'x') <> 'n' AND coalesce(c.relkind, 'x') <> 'S'
  AND NOT (f.adrelid IS NOT NULL AND f.adrelid = d.refobjid AND f.adnum = d.refobjsubid)
ORDER BY 1
