-- Rows that are not as ROW_NUMBER() has them on data that was never touched, or whose project does not say the same.
SELECT count(*)
FROM (
    SELECT g.*, row_number() OVER (PARTITION BY g.project_id ORDER BY g.created_at, g.id) AS right_version
    FROM generations AS g
) AS g
JOIN projects AS p ON p.id = g.project_id
WHERE g.version <> g.right_version OR g.storage_path IS NULL OR p.latest_version <> 20
   OR g.is_active <> (g.id = p.active_generation_id) OR p.active_generation_id IS NULL;
