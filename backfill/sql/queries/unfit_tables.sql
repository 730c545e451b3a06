-- Which of the named relations are nothing that a backfill can walk over, and what they are. The rows of children by
-- inheritance are read with those of their parent, but no key and no index of it holds for them. Tables by name for the
-- reason given in columns.sql.
SELECT CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS "table",
       CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table'
                      WHEN 'S' THEN 'a sequence' WHEN 'c' THEN 'a type'
                      ELSE 'the parent of ' || children.names || ' by inheritance' END AS "is"
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
CROSS JOIN LATERAL (
    SELECT string_agg(quote_ident(child.relname), ', ' ORDER BY child.relname) AS names
    FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS child ON child.oid = i.inhrelid
    WHERE i.inhparent = c.oid AND c.relkind = 'r'
) AS children
WHERE c.relkind NOT IN ('r', 'p') OR children.names IS NOT NULL
ORDER BY n.nspname, c.relname
