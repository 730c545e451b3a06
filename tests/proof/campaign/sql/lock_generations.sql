-- One of each project that the first of the ranges comes to next, as by an application that updates it and dawdles.
SELECT id FROM generations
WHERE id IN (
    SELECT min(g.id) FROM generations AS g JOIN projects AS p ON p.id = g.project_id
    WHERE g.storage_path IS NULL
    GROUP BY p.created_at, p.id
    ORDER BY p.created_at, p.id
    OFFSET 5 LIMIT 12
)
FOR NO KEY UPDATE SKIP LOCKED;
