-- Takes ACCESS EXCLUSIVE on both tables.
ALTER TABLE public.projects DROP CONSTRAINT IF EXISTS fk_projects_active_generation;
