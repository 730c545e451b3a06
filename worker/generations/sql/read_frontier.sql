-- Where the work on a large project stands: its first unassigned row and the highest number given. Reads the whole
-- project, so it runs without a lock; what it says is checked again under the lock, see lock_part.
SELECT p.latest_version > 0 AS settled, greatest(p.latest_version, coalesce(a.highest, 0)) AS base,
       CAST(f.created_at AS text) AS key_at, f.id
FROM public.projects AS p
LEFT JOIN LATERAL (
    SELECT max(version) AS highest FROM public.generations WHERE project_id = p.id AND storage_path IS NOT NULL
) AS a ON true
LEFT JOIN LATERAL (
    SELECT created_at, id FROM public.generations
    WHERE project_id = p.id AND storage_path IS NULL
    ORDER BY created_at, id
    LIMIT 1
) AS f ON true
WHERE p.id = :project_id
