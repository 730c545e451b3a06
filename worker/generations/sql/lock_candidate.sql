-- The generation that may become active in a large project: the newest completed one, in a project that was settled
-- before only among those that get their number now (an older choice of the application stands).
SELECT id
FROM public.generations
WHERE project_id = :project_id
  AND status = 'completed'
  AND (NOT CAST(:settled AS boolean) OR id = ANY (CAST(:ids AS text[])))
ORDER BY created_at DESC, id DESC
LIMIT 1
FOR NO KEY UPDATE NOWAIT
