-- The Active rule between locked rows: the newest by (created_at, id).
SELECT id FROM public.generations WHERE id = ANY (CAST(:ids AS text[])) ORDER BY created_at DESC, id DESC LIMIT 1
