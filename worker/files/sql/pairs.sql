-- Each generation of the batch with the version before it, and each that one of the batch is the version before of. A whole
-- project is read, along the index on project_id: there is none on its versions. text[] as in settle.sql of generations.
WITH ordered AS (
    SELECT g.id, g.project_id, g.version, g.storage_path, g.diff_from_previous,
           lag(g.id) OVER before_it AS before_id,
           lag(g.version) OVER before_it AS before_version,
           lag(g.storage_path) OVER before_it AS before_path
    FROM public.generations AS g
    WHERE g.project_id IN (SELECT a.project_id FROM public.generations AS a WHERE a.id = ANY (CAST(:ids AS text[])))
      AND g.storage_path IS NOT NULL
    WINDOW before_it AS (PARTITION BY g.project_id ORDER BY g.version, g.id)
)
SELECT id, project_id, version, storage_path, diff_from_previous, before_id, before_version, before_path
FROM ordered
WHERE before_id IS NOT NULL AND (id = ANY (CAST(:ids AS text[])) OR before_id = ANY (CAST(:ids AS text[])))
