-- Those that the first of the ranges comes to next. SKIP LOCKED: this session never waits for the application.
SELECT p.id FROM projects AS p
WHERE EXISTS (SELECT FROM generations AS g WHERE g.project_id = p.id AND g.storage_path IS NULL)
ORDER BY p.created_at, p.id
OFFSET 5 LIMIT 12
FOR NO KEY UPDATE OF p SKIP LOCKED;
