-- Values that rows would have if the columns had always had their defaults; rows between two physical places. A row that is
-- locked is passed over, and the caller comes again. Nobody waits for this longer than for a few blocks.
WITH found AS MATERIALIZED (
    SELECT count(*) AS rows
    FROM public.generations
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND (version IS NULL OR is_active IS NULL OR file_count IS NULL)
),
locked AS MATERIALIZED (
    SELECT ctid AS place
    FROM public.generations
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND (version IS NULL OR is_active IS NULL OR file_count IS NULL)
    FOR NO KEY UPDATE SKIP LOCKED
),
filled AS (
    UPDATE public.generations AS g
    SET version = coalesce(g.version, 1),
        is_active = coalesce(g.is_active, false),
        file_count = coalesce(g.file_count, 0)
    FROM locked AS l
    WHERE g.ctid = l.place
    RETURNING 1
)
SELECT (SELECT rows FROM found) AS found, (SELECT count(*) FROM filled) AS filled
