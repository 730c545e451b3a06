-- The next projects, and those of them of which it cannot be said at a glance that all rules hold: check_units.sql judges
-- these. Nearly all projects are as the backfill and the triggers leave them, and one look at each row proves it: every row has
-- its place, versions are 1, 2, 3, ... in the order of the rows, and the one row that is flagged is completed and is the one
-- that the project points at, or nothing is flagged or completed and it points at none. Whatever is otherwise, allowed or
-- not, is for the exact statement. Few aggregates, as each costs something for each row. text[] for the reason given in
-- settle.sql.
WITH page AS MATERIALIZED (
    SELECT id, created_at, latest_version, active_generation_id
    FROM public.projects
    WHERE (created_at, id) > (CAST(CAST(:after_at AS text) AS timestamptz), CAST(:after_id AS text))
      AND (created_at, id) <= (CAST(CAST(:end_at AS text) AS timestamptz), CAST(:end_id AS text))
    ORDER BY created_at, id
    LIMIT :units
),
-- Project by project along the index, which has the rows in their order: nothing is sorted, and neighbours share blocks.
counted AS MATERIALIZED (
    SELECT p.id, p.latest_version, p.active_generation_id, g.*
    FROM page AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows,
               array_agg(version ORDER BY created_at, id) AS versions,
               count(*) FILTER (
                   WHERE storage_path <> ''
                     AND is_active = (p.active_generation_id IS NOT NULL AND id = p.active_generation_id)
                     AND CASE WHEN is_active THEN status = 'completed'
                              WHEN p.active_generation_id IS NULL THEN status IS DISTINCT FROM 'completed'
                              ELSE true END
               ) AS right_rows,
               count(*) FILTER (WHERE is_active) AS flagged
        FROM public.generations
        WHERE project_id = p.id
    ) AS g
),
rising AS MATERIALIZED (
    SELECT array_agg(CAST(number AS integer)) AS numbers
    FROM generate_series(1, (SELECT max(rows) FROM counted)) AS number
),
last AS (
    SELECT created_at, id FROM page ORDER BY created_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM page) AS units,
       (SELECT CAST(created_at AS text) FROM last) AS last_at,
       (SELECT id FROM last) AS last_id,
       ARRAY(
           SELECT CAST(c.id AS text)
           FROM counted AS c
           CROSS JOIN rising AS r
           WHERE (CASE WHEN c.rows = 0 THEN c.active_generation_id IS NULL
                       ELSE c.right_rows = c.rows
                            AND c.versions = r.numbers[1:c.rows]
                            AND c.latest_version >= c.rows
                            AND c.flagged = CAST(c.active_generation_id IS NOT NULL AS integer)
                  END) IS NOT TRUE
       ) AS doubtful
