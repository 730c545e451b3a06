-- The generations that may have to be written: unassigned ones, and those between which the active one is chosen.
-- SKIP LOCKED and a count per project: settle.sql takes only projects of which every such row was locked, so one
-- busy project does not hold up the others of its batch.
SELECT l.project_id, count(*) AS rows
FROM (
    SELECT project_id
    FROM public.generations
    WHERE project_id = ANY (CAST(:ids AS text[]))
      AND (storage_path IS NULL OR is_active OR status = 'completed')
    FOR NO KEY UPDATE SKIP LOCKED
) AS l
GROUP BY l.project_id
