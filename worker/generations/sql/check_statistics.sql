-- Tables that are large on disk and empty in the planner's eyes, as an ANALYZE during a long load leaves them. The plan
-- of a batch then reads a whole index for a handful of rows. -1 is no such case: the planner goes by the size then.
SELECT c.relname AS name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relname IN ('projects', 'generations')
  AND c.reltuples = 0 AND pg_catalog.pg_relation_size(c.oid) > 8 * 1024 * 1024
ORDER BY c.relname
