-- Which of the folders in the root are those of projects.
SELECT id FROM public.projects WHERE id = ANY (CAST(:ids AS text[]))
