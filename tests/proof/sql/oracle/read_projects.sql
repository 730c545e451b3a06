-- The columns that the migration adds.
SELECT id, latest_version, active_generation_id FROM public.projects
