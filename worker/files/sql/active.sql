-- The active generation of the projects of a batch, where they have one, and a row of the batch for each.
SELECT p.id AS project_id, g.id, g.version, g.storage_path,
       (SELECT min(a.id) FROM public.generations AS a WHERE a.project_id = p.id AND a.id = ANY (CAST(:ids AS text[]))) AS one_id
FROM public.projects AS p
LEFT JOIN public.generations AS g ON g.id = p.active_generation_id AND g.project_id = p.id
WHERE p.id IN (SELECT a.project_id FROM public.generations AS a WHERE a.id = ANY (CAST(:ids AS text[])))
