-- The exact judgement of some projects, those of which check_page.sql cannot say at a glance that all is right. A snapshot of
-- its own, so that live writes, which keep the rules in every transaction, can never look like a breach: each project is
-- judged by this one alone, whatever the other has seen. text[] for the reason given in settle.sql.
WITH page AS MATERIALIZED (
    SELECT id, latest_version, active_generation_id, row_number() OVER (ORDER BY created_at, id) AS place
    FROM public.projects
    WHERE id = ANY (CAST(:ids AS text[]))
),
-- One pass over the generations of the whole page: in physical order, so that a block that several projects share is
-- visited once. All of it is sorted next: OFFSET keeps the wide columns out of that.
found AS (
    SELECT p.place, g.created_at, g.id,
           CASE WHEN g.storage_path IS NOT NULL THEN g.version END AS version,
           g.storage_path IS NULL AS unassigned,
           g.storage_path = '' AS blank,
           g.is_active IS DISTINCT FROM (g.id IS NOT DISTINCT FROM p.active_generation_id) AS flag_wrong,
           g.id = p.active_generation_id AS active,
           g.status = 'completed' AS completed
    FROM public.generations AS g
    JOIN page AS p ON p.id = g.project_id
    WHERE g.project_id = ANY (ARRAY(SELECT id FROM page))
    OFFSET 0
),
numbered AS (
    SELECT place, version, unassigned, blank, flag_wrong, active, completed,
           lag(version) OVER (PARTITION BY place, unassigned ORDER BY created_at, id) AS before
    FROM found
),
counted AS MATERIALIZED (
    SELECT place,
           count(*) AS rows,
           count(*) FILTER (WHERE unassigned) AS unassigned,
           count(*) FILTER (WHERE blank) AS blank,
           count(*) FILTER (WHERE NOT unassigned AND coalesce(version, 0) < 1) AS below_one,
           max(version) AS highest,
           count(*) FILTER (WHERE version < before) AS inversions,
           count(*) FILTER (WHERE NOT unassigned AND (version IS NULL OR version <= before)) AS not_rising,
           count(*) FILTER (WHERE flag_wrong) AS flags_wrong,
           count(*) FILTER (WHERE active) AS active_here,
           count(*) FILTER (WHERE active AND NOT completed) AS active_unfinished,
           count(*) FILTER (WHERE completed) AS completed
    FROM numbered
    GROUP BY place
),
-- Numbers that rise from row to row are all different: only where they do not is there any need to look for those that
-- are there twice.
repeated AS (
    SELECT r.project_id, count(*) AS count
    FROM (
        SELECT project_id, row_number() OVER (PARTITION BY project_id, version) AS time
        FROM public.generations
        WHERE storage_path IS NOT NULL
          AND project_id = ANY (ARRAY(SELECT p.id FROM counted AS c JOIN page AS p ON p.place = c.place
                                      WHERE c.not_rising > 0))
    ) AS r
    WHERE r.time > 1
    GROUP BY r.project_id
),
breaches AS (
    SELECT p.place, p.id, b.rule, b.count
    FROM page AS p
    LEFT JOIN counted AS c ON c.place = p.place
    LEFT JOIN repeated AS r ON r.project_id = p.id
    CROSS JOIN LATERAL (
        VALUES ('unassigned', c.unassigned),
               ('blank_storage_path', c.blank),
               ('duplicate_versions', r.count),
               ('version_below_one', c.below_one),
               ('latest_version_too_low', CAST(coalesce(p.latest_version, 0) < c.highest AS integer)),
               ('active_mismatch', c.flags_wrong),
               ('active_of_another_project',
                CAST(p.active_generation_id IS NOT NULL AND coalesce(c.active_here, 0) = 0 AS integer)),
               ('gaps', greatest(coalesce(c.highest, 0) - (c.rows - c.unassigned), 0)),
               ('inversions', c.inversions),
               ('completed_but_none_active',
                CAST(p.active_generation_id IS NULL AND c.completed > 0 AS integer)),
               ('active_not_completed', c.active_unfinished)
    ) AS b (rule, count)
    WHERE b.count > 0
)
SELECT (SELECT coalesce(json_agg(json_build_object('rule', rule, 'count', count, 'examples', examples)), '[]')
        FROM (SELECT rule, sum(count) AS count,
                     (array_agg(id ORDER BY place))[1:CAST(:examples AS integer)] AS examples
              FROM breaches GROUP BY rule) AS r) AS breaches,
       ARRAY(SELECT CAST(id AS text) FROM breaches WHERE rule = 'unassigned') AS unassigned_units
