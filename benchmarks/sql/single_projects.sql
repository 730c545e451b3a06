-- And each project that has generations once.
UPDATE projects AS p
SET latest_version = n.latest_version, active_generation_id = n.active_generation_id
FROM (
    SELECT project_id, max(version) AS latest_version, max(id) FILTER (WHERE is_active) AS active_generation_id
    FROM generations
    GROUP BY project_id
) AS n
WHERE n.project_id = p.id
