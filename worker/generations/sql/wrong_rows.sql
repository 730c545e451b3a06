-- For a script of Alembic, which has to ask in one statement: a row for each breach of a rule that is an error, as
-- check_page.sql finds them page by page. It stops at the first one where it is asked whether there is any.
SELECT 1
FROM public.generations AS g
WHERE g.storage_path IS NULL OR g.storage_path = '' OR coalesce(g.version, 0) < 1
UNION ALL
SELECT 1
FROM public.generations AS g
JOIN public.projects AS p ON p.id = g.project_id
WHERE coalesce(p.latest_version, 0) < g.version
   OR g.is_active IS DISTINCT FROM (g.id IS NOT DISTINCT FROM p.active_generation_id)
UNION ALL
SELECT 1
FROM public.projects AS p
JOIN public.generations AS g ON g.id = p.active_generation_id
WHERE g.project_id <> p.id
UNION ALL
SELECT 1
FROM public.generations AS g
GROUP BY g.project_id, g.version
HAVING count(*) > 1
