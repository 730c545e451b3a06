-- As fill_generations. 0 means: not settled yet, and a trigger that met NULL there would number nothing.
WITH found AS MATERIALIZED (
    SELECT count(*) AS rows
    FROM public.projects
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND latest_version IS NULL
),
locked AS MATERIALIZED (
    SELECT ctid AS place
    FROM public.projects
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND latest_version IS NULL
    FOR NO KEY UPDATE SKIP LOCKED
),
filled AS (
    UPDATE public.projects AS p
    SET latest_version = 0
    FROM locked AS l
    WHERE p.ctid = l.place
    RETURNING 1
)
SELECT (SELECT rows FROM found) AS found, (SELECT count(*) FROM filled) AS filled
