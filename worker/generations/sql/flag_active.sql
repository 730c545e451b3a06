-- Flags of rows that were assigned before and change now: the present active one off, the chosen one on.
UPDATE public.generations
SET is_active = id IS NOT DISTINCT FROM CAST(:active_id AS text)
WHERE id = ANY (CAST(:ids AS text[])) AND is_active <> (id IS NOT DISTINCT FROM CAST(:active_id AS text))
