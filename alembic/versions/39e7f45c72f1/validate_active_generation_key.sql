-- Reads the rows that were there before the key. Validating a valid key does nothing.
ALTER TABLE public.projects VALIDATE CONSTRAINT fk_projects_active_generation;
