-- What is left to write, in a sample of the pages or in all of them: by pages, so that it reads that share of the table and no
-- more. An empty project has no rows to write.
SELECT g.seen AS rows_seen, g.unassigned, p.seen AS units_seen, p.unsettled
FROM (
    SELECT count(*) AS seen, count(*) FILTER (WHERE storage_path IS NULL) AS unassigned
    FROM public.generations TABLESAMPLE SYSTEM (CAST(:row_percent AS real))
) AS g
CROSS JOIN (
    SELECT count(*) AS seen,
           count(*) FILTER (
               WHERE s.latest_version < 1 AND EXISTS (SELECT FROM public.generations WHERE project_id = s.id)
           ) AS unsettled
    FROM public.projects AS s TABLESAMPLE SYSTEM (CAST(:unit_percent AS real))
) AS p
