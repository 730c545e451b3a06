-- The one-shot migration, first statement: numbers by window function.
UPDATE generations AS g SET version = n.version
FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) AS version FROM generations) AS n
WHERE n.id = g.id
