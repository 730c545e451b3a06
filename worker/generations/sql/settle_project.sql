-- Last of all: from here on the sync triggers number the project's live rows.
UPDATE public.projects
SET latest_version = CAST(:latest_version AS integer), active_generation_id = CAST(:active_id AS text)
WHERE id = :project_id
