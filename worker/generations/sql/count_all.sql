-- Exact totals, asked for only where the estimate says that they are cheap.
SELECT (SELECT count(*) FROM public.projects) AS units, (SELECT count(*) FROM public.generations) AS rows
