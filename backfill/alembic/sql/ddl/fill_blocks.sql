-- Rows between two physical places that have no value yet, or not the right one. A row that is locked is passed over, and
-- the caller comes again: nobody waits for this longer than for a few blocks.
WITH online_found AS MATERIALIZED (
    SELECT count(*) AS rows
    FROM {table}
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND {missing}
),
online_locked AS MATERIALIZED (
    SELECT ctid AS online_place
    FROM {table}
    WHERE ctid >= CAST(CAST(:first AS text) AS tid) AND ctid < CAST(CAST(:after AS text) AS tid)
      AND {missing}
    FOR NO KEY UPDATE SKIP LOCKED
),
online_filled AS (
    UPDATE {table} AS online_row
    SET {column} = {value}
    FROM online_locked
    WHERE online_row.ctid = online_locked.online_place
    RETURNING 1
)
SELECT (SELECT rows FROM online_found) AS found, (SELECT count(*) FROM online_filled) AS filled
