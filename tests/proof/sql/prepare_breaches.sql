-- What the breaches in breaches.sql choose from.

-- The highest number of a project may go up without touching any other; numbered for today's release.
CREATE TEMP VIEW highest AS
SELECT g.id, g.project_id
FROM generations AS g
JOIN projects AS p ON p.id = g.project_id AND p.latest_version = g.version AND p.latest_version > 1
WHERE g.version_name IS NULL
ORDER BY g.id
LIMIT 1;

-- The same, numbered by the next release; one that was moved has another number than its writer was told.
CREATE TEMP VIEW highest_told AS
SELECT g.id, g.project_id
FROM generations AS g
JOIN projects AS p ON p.id = g.project_id AND p.latest_version = g.version AND p.latest_version > 1
WHERE g.version_name IS NOT NULL
  AND NOT EXISTS (SELECT FROM history.events AS e WHERE e.generation_id = g.id AND e.project_before <> e.project_id)
ORDER BY g.id
LIMIT 1;

-- Two numbers of a project, one after the other.
CREATE TEMP VIEW neighbours AS
SELECT a.id AS lower_id, b.id AS higher_id
FROM generations AS a
JOIN generations AS b ON b.project_id = a.project_id AND b.version = a.version + 1
WHERE a.version_name IS NULL AND b.version_name IS NULL
ORDER BY a.id
LIMIT 1;

-- A completed generation that is older than the active one, where only the rule has chosen so far.
CREATE TEMP VIEW older_completed AS
SELECT p.id AS project_id, p.active_generation_id AS active_id, g.id AS older_id
FROM projects AS p
JOIN generations AS a ON a.id = p.active_generation_id
JOIN generations AS g ON g.project_id = p.id AND g.status = 'completed' AND (g.created_at, g.id) < (a.created_at, a.id)
WHERE NOT EXISTS (SELECT FROM history.events AS e WHERE e.project_id = p.id AND e.application = 'next-release')
ORDER BY p.id
LIMIT 1;

-- Rows that the backfill gave their place.
CREATE TEMP VIEW settled AS
SELECT xid, project_id, generation_id, version
FROM history.events
WHERE what = 'update' AND storage_path_before IS NULL AND storage_path IS NOT NULL AND project_before = project_id
