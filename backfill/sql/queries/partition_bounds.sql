-- The partitions of a table of which the planner can leave out all but one, each by its bounds together with those of
-- whatever it is a part of. Of hashes it cannot, and what is left over for a default partition is no range.
SELECT pg_catalog.pg_get_partition_constraintdef(t.relid) AS bounds
FROM pg_catalog.pg_class AS root
JOIN pg_catalog.pg_namespace AS n ON n.oid = root.relnamespace AND n.nspname = :schema AND root.relname = :table
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(root.oid) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
JOIN pg_catalog.pg_partitioned_table AS above ON above.partrelid = t.parentrelid
LEFT JOIN pg_catalog.pg_partitioned_table AS own ON own.partrelid = t.relid
WHERE root.relkind = 'p'
  AND t.relid <> root.oid
  AND above.partstrat IN ('r', 'l')
  AND (t.isleaf OR own.partstrat = 'h')
  AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
