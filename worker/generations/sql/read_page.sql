-- The next units in key order, without a lock. Walks (created_at, id): neighbours in time are neighbours on disk.
-- Rows are counted up to a cap, so that a giant project costs no more here than a full batch does.
SELECT p.id, CAST(p.created_at AS text) AS key_at, n.rows, n.todo, p.latest_version > 0 OR n.rows = 0 AS settled
FROM (
    SELECT id, created_at, latest_version
    FROM public.projects
    WHERE (created_at, id) > (CAST(CAST(:after_at AS text) AS timestamptz), CAST(:after_id AS text))
      AND (created_at, id) <= (CAST(CAST(:end_at AS text) AS timestamptz), CAST(:end_id AS text))
    ORDER BY created_at, id
    LIMIT :units
) AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, count(*) FILTER (WHERE g.storage_path IS NULL) AS todo
    FROM (SELECT storage_path FROM public.generations WHERE project_id = p.id LIMIT :row_cap) AS g
) AS n
ORDER BY p.created_at, p.id
