-- Units by name, those of them that still exist; their rows are read even where they are settled, because verification
-- may have sent them back for rows without a value.
SELECT p.id, CAST(p.created_at AS text) AS key_at, n.rows, n.todo, n.rows >= :row_cap AS capped,
       p.latest_version > 0 AS settled
FROM public.projects AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, count(*) FILTER (WHERE g.storage_path IS NULL) AS todo
    FROM (SELECT storage_path FROM public.generations WHERE project_id = p.id LIMIT :row_cap) AS g
) AS n
WHERE p.id = ANY (CAST(:ids AS text[]))
ORDER BY p.created_at, p.id
