-- The next units in key order as a whole: how many there are, how many numbers they gave, the last key, and whether all of
-- them are settled. When one is, read_page.sql says; it is for the units of a page that are not.
WITH page AS MATERIALIZED (
    SELECT id, created_at, latest_version, xmax = CAST('0' AS xid) AS untouched
    FROM public.projects
    WHERE (created_at, id) > (CAST(CAST(:after_at AS text) AS timestamptz), CAST(:after_id AS text))
      AND (created_at, id) <= (CAST(CAST(:end_at AS text) AS timestamptz), CAST(:end_id AS text))
    ORDER BY created_at, id
    LIMIT :units
),
last AS (
    SELECT created_at, id FROM page ORDER BY created_at DESC, id DESC LIMIT 1
)
SELECT count(*) AS units,
       coalesce(sum(p.latest_version), 0) AS rows,
       (SELECT CAST(created_at AS text) FROM last) AS last_at,
       (SELECT id FROM last) AS last_id,
       coalesce(bool_and(p.latest_version > 0 OR (n.rows = 0 AND p.untouched)), true) AS settled
FROM page AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS rows
    FROM (SELECT FROM public.generations WHERE project_id = p.id AND p.latest_version < 1 LIMIT 1) AS g
) AS n
