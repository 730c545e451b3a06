-- Which of them the application has not deleted meanwhile.
SELECT id FROM public.generations WHERE id = ANY (CAST(:ids AS text[]))
