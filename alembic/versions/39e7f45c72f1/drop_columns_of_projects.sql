-- The inverse of add_columns_to_projects.
ALTER TABLE public.projects
    DROP COLUMN IF EXISTS latest_version,
    DROP COLUMN IF EXISTS active_generation_id;
