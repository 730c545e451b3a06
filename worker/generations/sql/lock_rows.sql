-- Rows by name, so that a change of the active flag never waits while the project is locked.
SELECT id FROM public.generations WHERE id = ANY (CAST(:ids AS text[])) FOR NO KEY UPDATE NOWAIT
