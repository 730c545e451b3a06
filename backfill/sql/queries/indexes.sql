-- The indexes of the named tables, by what they do. An expression has no column name. "plain": a b-tree of columns alone,
-- ascending, each compared in its own collation and type: only such a one serves any comparison and order of the columns.
-- Tables by name and text[] for the reasons given in columns.sql.
SELECT CAST(n.nspname AS text) AS schema, CAST(t.relname AS text) AS "table", CAST(c.relname AS text) AS name,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
           LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           ORDER BY k.place
       ) AS columns,
       m.amname = 'btree' AND i.indnatts = i.indnkeyatts
       AND NOT EXISTS (SELECT FROM unnest(i.indoption) AS o (flags) WHERE o.flags <> 0)
       AND NOT EXISTS (
           SELECT FROM unnest(i.indclass) AS o (oid) JOIN pg_catalog.pg_opclass AS s ON s.oid = o.oid
           WHERE NOT s.opcdefault
       )
       AND NOT EXISTS (
           SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
           JOIN unnest(i.indcollation) WITH ORDINALITY AS o (oid, place) ON o.place = k.place
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE a.attcollation <> o.oid
       ) AS plain,
       pg_get_expr(i.indpred, i.indrelid) AS "where",
       i.indisvalid AND i.indisready AND i.indislive AS valid,
       i.indisunique AS "unique"
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
JOIN unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
  ON wanted.schema_name = n.nspname AND wanted.table_name = t.relname
ORDER BY n.nspname, t.relname, c.relname
