-- As set_defaults_of_generations.
ALTER TABLE public.projects ALTER COLUMN latest_version SET DEFAULT 0;
