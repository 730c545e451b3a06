-- Where the work on a large project stands, and the highest number given. Until the project is settled that is after its
-- last assigned row in key order: a row that was committed behind it is left for later, because a number given there
-- would make the marks of other workers untrue, which stand further on and would not notice. Once it is settled, numbers
-- come from latest_version, and the first unassigned row is next, wherever it is.
-- Reads the whole project, so it runs without a lock; what it says is checked again under the lock, see lock_part.
SELECT p.latest_version > 0 AS settled, greatest(p.latest_version, coalesce(a.highest, 0)) AS base,
       CAST(coalesce(l.created_at, f.created_at) AS text) AS key_at, coalesce(l.id, f.id) AS id, l.id AS done_id
FROM public.projects AS p
LEFT JOIN LATERAL (
    SELECT max(version) AS highest FROM public.generations WHERE project_id = p.id AND storage_path IS NOT NULL
) AS a ON true
LEFT JOIN LATERAL (
    SELECT created_at, id FROM public.generations
    WHERE project_id = p.id AND storage_path IS NOT NULL AND p.latest_version < 1
    ORDER BY created_at DESC, id DESC
    LIMIT 1
) AS l ON true
LEFT JOIN LATERAL (
    SELECT created_at, id FROM public.generations
    WHERE project_id = p.id AND storage_path IS NULL
    ORDER BY created_at, id
    LIMIT 1
) AS f ON true
WHERE p.id = :project_id
