-- Settles whole projects whose rows were locked by the statements before: this one computes, with a snapshot taken
-- after the locks. Unassigned rows get the numbers after the highest one given, in (created_at, id) order; the newest
-- completed generation becomes active where it is newer than the present one. One UPDATE per row sets all three
-- columns, and only rows that need it are written. A project that has other lockable rows than were locked is left out.
-- Rows are found again by their physical place, which a locked row keeps: the primary keys are random, and looking
-- each one up would read an index page per row. Arrays come and go as text[]: what another array is the driver would have
-- to ask, and it switches `jit` off in the session to do so, which others may share (PgBouncer).
WITH locked AS MATERIALIZED (
    SELECT p.ctid AS place, l.project_id, l.rows_locked, p.latest_version, p.active_generation_id
    FROM unnest(CAST(:ids AS text[]), CAST(CAST(:counts AS text[]) AS bigint[])) AS l (project_id, rows_locked)
    JOIN public.projects AS p ON p.id = l.project_id
),
found AS MATERIALIZED (
    SELECT g.ctid AS place, g.id, g.project_id, g.created_at, g.version, g.is_active,
           g.storage_path IS NULL AS unassigned,
           g.status = 'completed' AS completed,
           g.id = l.active_generation_id AS present,
           l.place AS project_place, l.latest_version, l.rows_locked
    FROM locked AS l
    JOIN public.generations AS g ON g.project_id = l.project_id
),
units AS MATERIALIZED (
    SELECT project_id,
           (array_agg(project_place))[1] AS place,
           greatest(min(latest_version), coalesce(max(version) FILTER (WHERE NOT unassigned), 0), 0) AS base,
           count(*) FILTER (WHERE unassigned) AS todo,
           (array_agg(id ORDER BY created_at DESC, id DESC)
               FILTER (WHERE present OR (completed AND (unassigned OR latest_version = 0))))[1] AS active_id
    FROM found
    GROUP BY project_id
    HAVING count(*) FILTER (WHERE unassigned OR is_active OR completed) = min(rows_locked)
),
final AS (
    SELECT f.place,
           CASE WHEN f.unassigned
                THEN u.base + row_number() OVER (PARTITION BY f.project_id, f.unassigned ORDER BY f.created_at, f.id)
                ELSE f.version END AS version,
           f.id IS NOT DISTINCT FROM u.active_id AS is_active,
           f.unassigned, f.is_active AS was_active
    FROM found AS f
    JOIN units AS u ON u.project_id = f.project_id
),
written AS (
    UPDATE public.generations AS g
    SET version = CAST(f.version AS integer),
        storage_path = coalesce(g.storage_path, './storage/projects/' || g.id),
        is_active = f.is_active
    FROM final AS f
    WHERE g.ctid = f.place AND (f.unassigned OR f.is_active <> f.was_active)
    RETURNING f.unassigned
),
settled AS (
    UPDATE public.projects AS p
    SET latest_version = CAST(u.base + u.todo AS integer), active_generation_id = u.active_id
    FROM units AS u
    WHERE p.ctid = u.place
      AND (p.latest_version <> u.base + u.todo OR p.active_generation_id IS DISTINCT FROM u.active_id)
    RETURNING 1
),
-- An empty project that somebody has locked is written as well, unchanged. Its lock has shown that no insert is in flight which
-- saw a generation that is gone by now, and left its own row unassigned because of it; the new row version keeps one from
-- coming later out of a snapshot (REPEATABLE READ) in which a generation is still here that was moved to another project.
-- Of one that was deleted the insert trigger learns by itself.
emptied AS (
    UPDATE public.projects AS p
    SET latest_version = p.latest_version
    FROM locked AS l
    WHERE p.ctid = l.place AND l.latest_version < 1
      AND NOT EXISTS (SELECT FROM found AS f WHERE f.project_id = l.project_id)
)
SELECT (SELECT count(*) FROM written WHERE unassigned) AS written,
       (SELECT count(*) FROM settled) AS settled,
       ARRAY(SELECT DISTINCT CAST(project_id AS text) FROM found WHERE project_id NOT IN (SELECT project_id FROM units)) AS left_out
