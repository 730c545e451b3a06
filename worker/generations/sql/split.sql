-- Ends of ranges: quantiles of a sample of the keys (all of them in a small table), and the last key there is.
-- Later projects need no range: their generations are numbered by the sync triggers from the first one on.
WITH sample AS (
    SELECT created_at, id, ntile(CAST(:ranges AS integer)) OVER (ORDER BY created_at, id) AS part
    FROM public.projects TABLESAMPLE SYSTEM (CAST(:percent AS real)) REPEATABLE (0)
),
ends AS (
    SELECT DISTINCT ON (part) created_at, id FROM sample ORDER BY part, created_at DESC, id DESC
),
last AS (
    SELECT created_at, id FROM public.projects ORDER BY created_at DESC, id DESC LIMIT 1
)
SELECT CAST(keys.created_at AS text) AS key_at, keys.id
FROM (SELECT created_at, id FROM ends UNION SELECT created_at, id FROM last) AS keys
ORDER BY keys.created_at, keys.id
