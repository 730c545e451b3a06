-- Fourth statement, first half: the newest completed generation of each project.
UPDATE projects AS p
SET active_generation_id = (
    SELECT id FROM generations AS g
    WHERE g.project_id = p.id AND g.status = 'completed'
    ORDER BY created_at DESC, id DESC
    LIMIT 1
)
