-- All rows of one project, for the progress; from the index alone where the visibility map allows.
SELECT count(*) FROM public.generations WHERE project_id = :project_id
