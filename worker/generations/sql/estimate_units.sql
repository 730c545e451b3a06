-- The same for projects.
EXPLAIN (FORMAT JSON) SELECT 1 FROM public.projects
