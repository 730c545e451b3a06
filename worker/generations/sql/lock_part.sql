-- The next rows of a large project in order, assigned or not: one that is assigned says that somebody else has been here
-- since the mark was made, and it must be made anew. NOWAIT and not SKIP LOCKED: a row left out in the middle
-- would get a number out of order. `place` is where number_part finds the row again.
SELECT g.id, CAST(g.created_at AS text) AS key_at, CAST(g.ctid AS text) AS place, g.storage_path IS NULL AS unassigned
FROM public.generations AS g
WHERE g.project_id = :project_id
  AND (g.created_at, g.id) >= (CAST(CAST(:from_at AS text) AS timestamptz), CAST(:from_id AS text))
  AND g.id <> CAST(:done_id AS text)
ORDER BY g.created_at, g.id
LIMIT :rows
FOR NO KEY UPDATE NOWAIT
