-- Every project with its size. One giant; a few without generations; the others get one each (if there are enough)
-- and share the rest by Zipf-Mandelbrot: most end with 1 to 5, some with hundreds. The shares are rounded
-- as a running total, so that the sizes add up to exactly the wanted number.
CREATE TEMPORARY TABLE old_projects ON COMMIT DROP AS
WITH placed AS (
    SELECT p AS number,
           row_number() OVER (ORDER BY p <> 1 + s.projects / 3, pg_temp.draw(s.seed, p, 1), p) - 1 AS place
    FROM old_shape AS s, generate_series(1, s.projects) AS p
), counts AS (
    SELECT s.*,
           least(floor(s.projects * s.empty_share), greatest(s.projects - 2, 0)) AS empty,
           CASE WHEN s.projects = 1 THEN s.generations ELSE round(s.generations * s.giant_share) END AS giant
    FROM old_shape AS s
), ordinary AS (
    SELECT p.number,
           c.generations - c.giant AS to_share,
           CASE WHEN c.generations - c.giant >= c.projects - 1 - c.empty THEN 1 ELSE 0 END AS at_least,
           count(*) OVER () AS sharers,
           sum(power(p.place - c.empty + 10 + c.projects / 200.0, -1.3)) OVER (ORDER BY p.place) AS running
    FROM placed AS p, counts AS c
    WHERE p.place > c.empty
), shared AS (
    SELECT number, running, at_least,
           round((to_share - at_least * sharers) * running / max(running) OVER ()) AS upto
    FROM ordinary
), sized AS (
    SELECT number, (at_least + upto - lag(upto, 1, 0) OVER (ORDER BY running))::integer AS generations FROM shared
    UNION ALL
    SELECT p.number, CASE WHEN p.place = 0 THEN c.giant ELSE 0 END::integer
    FROM placed AS p, counts AS c WHERE p.place <= c.empty
)
SELECT z.number,
       pg_temp.key(s.seed, 'project', z.number) AS id,
       owner.number AS user_number,
       pg_temp.key(s.seed, 'user', owner.number) AS user_id,
       z.generations,
       sum(z.generations) OVER (ORDER BY z.number) - z.generations AS generations_before,
       -- more projects in the second year than in the first; the number orders them in time
       date_trunc(CASE WHEN s.ties THEN 'day' ELSE 'microseconds' END,
                  s.newest - s.span * (1 - sqrt((z.number - pg_temp.draw(s.seed, z.number, 3)) / s.projects)),
                  'UTC') AS created_at
FROM sized AS z CROSS JOIN old_shape AS s
CROSS JOIN LATERAL (
    SELECT 1 + floor(s.users * power(pg_temp.draw(s.seed, z.number, 2), 2))::integer AS number
) AS owner
ORDER BY z.number
