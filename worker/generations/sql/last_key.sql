-- The end of the key space as it is now.
SELECT CAST(created_at AS text) AS created_at, id FROM public.projects ORDER BY created_at DESC, id DESC LIMIT 1
