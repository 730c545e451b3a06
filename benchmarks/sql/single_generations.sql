-- The best single transaction: each row is written once, with all three columns.
UPDATE generations AS g
SET version = n.version, storage_path = './storage/projects/' || g.id, is_active = n.is_active
FROM (
    SELECT id,
           row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) AS version,
           status = 'completed' AND row_number() OVER (
               PARTITION BY project_id, status = 'completed' ORDER BY created_at DESC, id DESC
           ) = 1 AS is_active
    FROM generations
) AS n
WHERE n.id = g.id
