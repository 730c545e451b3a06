-- As require_values_of_generations.
DO $$
BEGIN
    ALTER TABLE public.projects ALTER COLUMN latest_version SET NOT NULL;
    ALTER TABLE public.projects DROP CONSTRAINT IF EXISTS projects_values_are_there;
END
$$;
