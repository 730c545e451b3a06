-- Old generations that still wait for their result. Nobody's parents, as once finished they may be deleted.
SELECT g.id, g.project_id, g.status
FROM generations AS g
WHERE g.status IN ('pending', 'processing')
  AND NOT EXISTS (SELECT FROM generations AS child WHERE child.parent_generation_id = g.id)
ORDER BY md5(g.id || $1::text)
LIMIT 2000
