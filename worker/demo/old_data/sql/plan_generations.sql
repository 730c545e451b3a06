-- Every generation in the order in which a live table would have received it, still without its documents.
-- In time: three quarters come within hours or days of their project (longer for large ones), the rest over
-- months, none after the end of the data. Distinct within a project: the microseconds modulo the project's size are
-- the row's ordinal. With ties they are cut to the hour instead.
CREATE TEMPORARY TABLE old_generations ON COMMIT DROP AS
WITH drawn AS (
    SELECT p.id AS project_id, p.number AS project, p.user_id, p.created_at AS born, p.generations AS size,
           g.ordinal, p.generations_before + g.ordinal AS number, s.seed, s.ties,
           mod((-ln(1 - pg_temp.draw(s.seed, p.generations_before + g.ordinal, 10))
                * CASE WHEN pg_temp.draw(s.seed, p.generations_before + g.ordinal, 11) < 0.75
                       THEN 7200e6 * sqrt(p.generations) ELSE 5184000e6 END)::bigint,
               greatest(1, extract(epoch FROM s.newest - p.created_at) * 1000000)::bigint) AS delay
    FROM old_shape AS s, old_projects AS p, generate_series(1, p.generations) AS g (ordinal)
), timed AS (
    SELECT d.*,
           CASE WHEN d.ties THEN date_trunc('hour', d.born + d.delay * interval '1 microsecond', 'UTC')
                ELSE d.born + (d.delay - d.delay % d.size + d.ordinal) * interval '1 microsecond'
           END AS created_at,
           pg_temp.draw(d.seed, d.number, 12) AS outcome,
           d.size < 50 AND pg_temp.draw(d.seed, d.project, 13) < 0.03 AS hopeless
    FROM drawn AS d
), chained AS (
    SELECT t.*, lag(t.number) OVER (PARTITION BY t.project ORDER BY t.created_at, t.number) AS previous
    FROM timed AS t
)
SELECT c.number,
       pg_temp.key(c.seed, 'generation', c.number) AS id,
       c.project_id, c.user_id, c.created_at,
       CASE WHEN c.outcome < 0.8 AND NOT c.hopeless THEN 'completed'
            WHEN c.outcome < 0.92 THEN 'failed'
            WHEN c.outcome < 0.96 THEN 'processing'
            ELSE 'pending' END AS status,
       CASE WHEN pg_temp.draw(c.seed, c.number, 14) < 0.25 THEN pg_temp.key(c.seed, 'generation', c.previous) END
           AS parent_id,
       (256 * pg_temp.draw(c.seed, c.number, 15))::integer % 256 AS paper,
       (256 * pg_temp.draw(c.seed, c.number, 16))::integer % 256 AS output,
       pg_temp.draw(c.seed, c.number, 17) AS pace,
       pg_temp.draw(c.seed, c.number, 18) AS quality
FROM chained AS c
ORDER BY c.created_at, c.number
