-- Ends of ranges: quantiles of a sample of the keys (all of them in a small table), and the last key there is.
-- Each range has at least so many units, as far as the sample tells.
-- Later projects need no range: their generations are numbered by the sync triggers from the first one on.
WITH sample AS MATERIALIZED (
    SELECT created_at, id FROM public.projects TABLESAMPLE SYSTEM (CAST(:percent AS real)) REPEATABLE (0)
),
parts AS (
    SELECT greatest(1, least(:ranges, CAST(floor(count(*) * 100 / CAST(:percent AS real) / :least_units) AS integer))) AS wanted
    FROM sample
),
numbered AS (
    SELECT s.created_at, s.id, ntile(p.wanted) OVER (ORDER BY s.created_at, s.id) AS part
    FROM sample AS s
    CROSS JOIN parts AS p
),
ends AS (
    SELECT DISTINCT ON (part) created_at, id FROM numbered ORDER BY part, created_at DESC, id DESC
),
last AS (
    SELECT created_at, id FROM public.projects ORDER BY created_at DESC, id DESC LIMIT 1
)
SELECT CAST(keys.created_at AS text) AS key_at, keys.id
FROM (SELECT created_at, id FROM ends UNION SELECT created_at, id FROM last) AS keys
ORDER BY keys.created_at, keys.id
