-- The next rows of a large project in order, assigned or not: if the first one is assigned, somebody else has been
-- here since the mark was made and it must be made anew. NOWAIT and not SKIP LOCKED: a row left out in the middle
-- would get a number out of order.
SELECT id, CAST(created_at AS text) AS created_at, storage_path IS NULL AS unassigned
FROM public.generations
WHERE project_id = :project_id
  AND (created_at, id) >= (CAST(CAST(:from_at AS text) AS timestamptz), CAST(:from_id AS text))
  AND id <> CAST(:done_id AS text)
ORDER BY created_at, id
LIMIT :rows
FOR NO KEY UPDATE NOWAIT
