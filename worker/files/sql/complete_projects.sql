-- The rows of each project whose last row, in the order of the walk, is one of these: so that each project is looked at
-- once, with the page that it ends in.
SELECT g.project_id, array_agg(CAST(g.id AS text)) AS ids, array_agg(CAST(g.version AS text)) AS versions
FROM public.generations AS g
WHERE g.project_id IN (SELECT a.project_id FROM public.generations AS a WHERE a.id = ANY (CAST(:ids AS text[])))
GROUP BY g.project_id
HAVING (array_agg(CAST(g.id AS text) ORDER BY g.created_at DESC, g.id DESC))[1] = ANY (CAST(:ids AS text[]))
