-- Old generations that may be deleted: finished, and nobody's parent.
SELECT g.id, g.project_id, g.status
FROM generations AS g
WHERE g.status IN ('completed', 'failed')
  AND NOT EXISTS (SELECT FROM generations AS child WHERE child.parent_generation_id = g.id)
ORDER BY md5(g.id || $1::text)
LIMIT 2000
