-- Ends of ranges: quantiles of the keys. Later customers need no range, their trigger fills the column in.
SELECT CAST(max(id) AS text) AS id
FROM (SELECT id, ntile(CAST(:ranges AS integer)) OVER (ORDER BY id) AS part FROM public.customers) AS parts
GROUP BY part
ORDER BY part
