-- One statement's view of some projects against the rules of the data: a snapshot of its own, so that live writes,
-- which keep the rules in every transaction, can never look like a breach. text[] for the reason given in settle.sql.
WITH page AS MATERIALIZED (
    SELECT id, created_at, latest_version, active_generation_id
    FROM public.projects
    WHERE (created_at, id) > (CAST(CAST(:after_at AS text) AS timestamptz), CAST(:after_id AS text))
      AND (created_at, id) <= (CAST(CAST(:end_at AS text) AS timestamptz), CAST(:end_id AS text))
    ORDER BY created_at, id
    LIMIT :units
),
-- One pass over the generations of the whole page: in physical order, so that a block that several projects share is
-- visited once.
numbered AS (
    SELECT project_id, id, version, storage_path, is_active, status,
           lag(version) OVER (PARTITION BY project_id, storage_path IS NULL ORDER BY created_at, id) AS before,
           row_number() OVER (PARTITION BY project_id, storage_path IS NULL, version) > 1 AS repeated
    FROM public.generations
    WHERE project_id = ANY (ARRAY(SELECT id FROM page))
),
checked AS (
    SELECT p.id, p.created_at, p.latest_version, p.active_generation_id,
           count(o.id) AS rows,
           count(o.id) FILTER (WHERE o.storage_path IS NULL) AS unassigned,
           count(*) FILTER (WHERE o.storage_path = '') AS blank,
           count(*) FILTER (WHERE o.storage_path IS NOT NULL AND o.repeated) AS duplicates,
           count(*) FILTER (WHERE o.storage_path IS NOT NULL AND coalesce(o.version, 0) < 1) AS below_one,
           coalesce(max(o.version) FILTER (WHERE o.storage_path IS NOT NULL), 0) AS highest,
           count(*) FILTER (WHERE o.storage_path IS NOT NULL AND o.version < o.before) AS inversions,
           count(o.id) FILTER (WHERE o.is_active IS DISTINCT FROM (o.id IS NOT DISTINCT FROM p.active_generation_id))
               AS flags_wrong,
           count(*) FILTER (WHERE o.id = p.active_generation_id) AS active_here,
           count(*) FILTER (WHERE o.id = p.active_generation_id AND o.status <> 'completed') AS active_unfinished,
           count(*) FILTER (WHERE o.status = 'completed') AS completed
    FROM page AS p
    LEFT JOIN numbered AS o ON o.project_id = p.id
    GROUP BY p.id, p.created_at, p.latest_version, p.active_generation_id
),
last AS (
    SELECT created_at, id FROM page ORDER BY created_at DESC, id DESC LIMIT 1
),
breaches AS (
    SELECT c.created_at, c.id, b.rule, b.count
    FROM checked AS c
    CROSS JOIN LATERAL (
        VALUES ('unassigned', c.unassigned),
               ('blank_storage_path', c.blank),
               ('duplicate_versions', c.duplicates),
               ('version_below_one', c.below_one),
               ('latest_version_too_low', CAST(coalesce(c.latest_version, 0) < c.highest AS integer)),
               ('active_mismatch', c.flags_wrong),
               ('active_of_another_project',
                CAST(c.active_generation_id IS NOT NULL AND c.active_here = 0 AS integer)),
               ('gaps', greatest(c.highest - (c.rows - c.unassigned), 0)),
               ('inversions', c.inversions),
               ('completed_but_none_active',
                CAST(c.active_generation_id IS NULL AND c.completed > 0 AS integer)),
               ('active_not_completed', c.active_unfinished)
    ) AS b (rule, count)
    WHERE b.count > 0
)
SELECT (SELECT count(*) FROM page) AS units,
       (SELECT CAST(created_at AS text) FROM last) AS last_at,
       (SELECT id FROM last) AS last_id,
       (SELECT coalesce(json_agg(json_build_object('rule', rule, 'count', count, 'examples', examples)), '[]')
        FROM (SELECT rule, sum(count) AS count,
                     (array_agg(id ORDER BY created_at, id))[1:CAST(:examples AS integer)] AS examples
              FROM breaches GROUP BY rule) AS r) AS breaches,
       ARRAY(SELECT CAST(id AS text) FROM breaches WHERE rule = 'unassigned') AS unassigned_units
