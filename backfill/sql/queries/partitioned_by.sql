-- How a table is divided: by whole columns in this order, and into how many parts. An expression has no column name.
SELECT CAST(p.partstrat AS text) AS strategy,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(p.partattrs) WITH ORDINALITY AS k (attnum, place)
           LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = k.attnum AND k.attnum > 0
           ORDER BY k.place
       ) AS columns,
       (SELECT count(*) FROM pg_catalog.pg_partition_tree(c.oid) AS t WHERE t.isleaf) AS parts
FROM pg_catalog.pg_partitioned_table AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.partrelid AND c.relname = :table
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :schema
