-- How many rows the planner believes in: page count times density, right even before the first ANALYZE, and free.
EXPLAIN (FORMAT JSON) SELECT 1 FROM public.generations
