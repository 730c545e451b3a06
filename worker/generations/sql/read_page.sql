-- The next units in key order, without a lock. Walks (created_at, id): neighbours in time are neighbours on disk.
-- Rows are counted up to a cap, so that a giant project costs no more here than a full batch does. A settled project
-- is passed without reading its rows: it has as many as it gave numbers, less what was deleted since. That condition
-- stands inside the innermost query, where it keeps the index from being asked at all. So is an empty one in whose row nobody
-- has put a lock (xmax): an insert in flight that may have left its row to the backfill has the project's lock, and one that
-- takes it from now on looks after this statement has begun, for which the project was empty. No vacuum takes that mark away
-- while such an insert, or an older snapshot of somebody's, is there. One row of
-- arrays of text: a driver makes these in a fraction of the time that it takes to make a thousand rows, and for the reason
-- given in settle.sql.
SELECT array_agg(u.id) AS ids, array_agg(u.key_at) AS keys, array_agg(CAST(u.rows AS text)) AS rows,
       array_agg(CAST(u.todo AS text)) AS todo, array_agg(CAST(u.capped AS text)) AS capped,
       array_agg(CAST(u.settled AS text)) AS settled
FROM (
    SELECT CAST(p.id AS text) AS id, CAST(p.created_at AS text) AS key_at,
           greatest(n.rows, p.latest_version) AS rows,
           n.todo,
           n.rows >= :row_cap AS capped,
           p.latest_version > 0 OR (n.rows = 0 AND p.untouched) AS settled
    FROM (
        SELECT id, created_at, latest_version, xmax = CAST('0' AS xid) AS untouched
        FROM public.projects
        WHERE (created_at, id) > (CAST(CAST(:after_at AS text) AS timestamptz), CAST(:after_id AS text))
          AND (created_at, id) <= (CAST(CAST(:end_at AS text) AS timestamptz), CAST(:end_id AS text))
        ORDER BY created_at, id
        LIMIT :units
    ) AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows, count(*) FILTER (WHERE g.storage_path IS NULL) AS todo
        FROM (
            SELECT storage_path FROM public.generations WHERE project_id = p.id AND p.latest_version < 1 LIMIT :row_cap
        ) AS g
    ) AS n
    ORDER BY p.created_at, p.id
) AS u
