-- For a script, which cannot ask first: with the column would go what hangs on it.
DO $online$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        LEFT JOIN pg_catalog.pg_constraint AS k ON d.classid = CAST('pg_constraint' AS regclass) AND k.oid = d.objid
        LEFT JOIN pg_catalog.pg_class AS c ON d.classid = CAST('pg_class' AS regclass) AND c.oid = d.objid
        WHERE d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = CAST({table_text} AS regclass)
          AND a.attname = {column_text} AND d.classid <> CAST('pg_attrdef' AS regclass)
          AND coalesce(k.contype, 'x') <> 'n' AND coalesce(c.relkind, 'x') <> 'S'
    ) THEN
        RAISE EXCEPTION USING MESSAGE = 'an index, a constraint or a view hangs on the column: migrate online, or drop it first';
    END IF;
END
$online$
