-- The end of the key space as it is now.
SELECT CAST(p.created_at AS text) AS key_at, p.id FROM public.projects AS p ORDER BY p.created_at DESC, p.id DESC LIMIT 1
