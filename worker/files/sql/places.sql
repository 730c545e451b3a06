-- Where rows are by now: what was listed on disk may be younger than what was read of the rows.
SELECT id, project_id, version FROM public.generations WHERE id = ANY (CAST(:ids AS text[]))
