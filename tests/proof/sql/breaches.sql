-- Breaches of the rules in findings.py, each in a right database of its own: a line `-- rule: what is wrong`, then the
-- statements. In the role `replica` no trigger sees them, the history's neither.

-- rows: one is lost
SET session_replication_role = replica;
DELETE FROM generations
WHERE id = (SELECT id FROM generations WHERE status = 'failed' AND NOT is_active ORDER BY id LIMIT 1);

-- rows: one is nobody's
INSERT INTO artifacts (id, generation_id, type, storage_url)
SELECT 'nobody', id, 'zip', 's3://nobody' FROM generations LIMIT 1;

-- values: a prompt has a space more
UPDATE generations SET prompt = prompt || ' ' WHERE id = (SELECT min(id) FROM generations);

-- values: JSON was parsed
UPDATE generations SET documentation = documentation::jsonb::json
WHERE id = (SELECT min(id) FROM generations WHERE documentation::text LIKE '{"b": 1.50,%');

-- values: updated_at of a generation
UPDATE generations SET updated_at = updated_at + interval '1 us' WHERE id = (SELECT min(id) FROM generations);

-- values: updated_at of a project
UPDATE projects SET updated_at = now() WHERE id = (SELECT min(id) FROM projects);

-- values: a float
UPDATE generations SET total_time = total_time::real
WHERE id = (SELECT min(id) FROM generations WHERE total_time::real <> total_time);

-- values: a user
UPDATE users SET bio = coalesce(bio, '') || '.' WHERE id = (SELECT min(id) FROM users);

-- values: a column of the next release
UPDATE generations SET file_count = 1
WHERE id = (SELECT min(id) FROM generations WHERE storage_path = './storage/projects/' || id);

-- paths: not the flat one
SET session_replication_role = replica;
UPDATE generations SET storage_path = './storage/' || id
WHERE id = (SELECT min(id) FROM generations WHERE storage_path = './storage/projects/' || id);

-- paths: the next release's is overwritten
SET session_replication_role = replica;
UPDATE generations SET storage_path = './storage/projects/' || id
WHERE id = (SELECT min(id) FROM generations WHERE storage_path <> './storage/projects/' || id);

-- unassigned: a row
SET session_replication_role = replica;
UPDATE generations SET storage_path = NULL WHERE id = (SELECT min(id) FROM generations);

-- unassigned: a project
SET session_replication_role = replica;
UPDATE projects SET latest_version = 0 WHERE id = (SELECT min(project_id) FROM generations);

-- unique: a number twice
SET session_replication_role = replica;
UPDATE generations SET version = version + 1 WHERE id = (SELECT lower_id FROM neighbours);

-- unique: number 0
SET session_replication_role = replica;
UPDATE generations SET version = 0
WHERE id = (SELECT min(id) FROM generations WHERE version = 1 AND version_name IS NULL);

-- latest: below a number
SET session_replication_role = replica;
UPDATE projects AS p SET latest_version = latest_version - 1
FROM highest AS h
WHERE p.id = h.project_id;

-- latest: fell and rose again
DROP TRIGGER projects_latest_version_before_update ON projects;
CREATE TEMP TABLE chosen AS SELECT project_id FROM highest;
UPDATE projects SET latest_version = latest_version - 1 WHERE id IN (SELECT project_id FROM chosen);
UPDATE projects SET latest_version = latest_version + 1 WHERE id IN (SELECT project_id FROM chosen);

-- order: two are exchanged
SET session_replication_role = replica;
UPDATE generations AS g SET version = version + CASE g.id WHEN n.lower_id THEN 1 ELSE -1 END
FROM neighbours AS n
WHERE g.id IN (n.lower_id, n.higher_id);

-- order: a live row got a number from the middle
UPDATE history.events SET version = 1
WHERE seq = (SELECT max(seq) FROM history.events WHERE what = 'insert' AND version > 5);

-- order: a part overlooked a row
UPDATE history.generations SET created_at = '2000-01-01'
WHERE id = (
    SELECT s.generation_id
    FROM settled AS s
    JOIN history.generations AS g ON g.id = s.generation_id AND g.project_id = s.project_id
    WHERE s.generation_id NOT IN (SELECT active_generation_id FROM projects WHERE active_generation_id IS NOT NULL)
      AND EXISTS (SELECT FROM settled AS earlier WHERE earlier.project_id = s.project_id AND earlier.xid < s.xid)
      AND NOT EXISTS (SELECT FROM settled AS lower WHERE lower.xid = s.xid AND lower.version < s.version)
    LIMIT 1
);

-- dense: a number is left out
SET session_replication_role = replica;
CREATE TEMP TABLE chosen AS
SELECT s.generation_id AS id, s.project_id
FROM settled AS s
JOIN generations AS g ON g.id = s.generation_id AND g.project_id = s.project_id AND g.version = s.version
JOIN projects AS p ON p.id = s.project_id AND p.latest_version = s.version
WHERE s.version > 1
LIMIT 1;
UPDATE history.events
SET version = version + 1, version_before = version_before + CASE WHEN storage_path_before IS NULL THEN 0 ELSE 1 END
WHERE generation_id IN (SELECT id FROM chosen) AND storage_path IS NOT NULL;
UPDATE generations SET version = version + 1 WHERE id IN (SELECT id FROM chosen);
UPDATE projects SET latest_version = latest_version + 1 WHERE id IN (SELECT project_id FROM chosen);

-- kept: another number than the reserved one
UPDATE history.events SET asked = asked + 1
WHERE seq = (
    SELECT e.seq
    FROM history.events AS e
    JOIN history.events AS o ON o.xid = e.xid AND o.project_id = e.project_id AND o.what = 'insert'
                            AND o.asked = o.version AND o.version = e.version + 1 AND o.seq > e.seq
    WHERE e.what = 'insert' AND e.asked = e.version AND e.application = 'next-release'
      AND EXISTS (
          SELECT FROM history.events AS r
          WHERE r.xid = e.xid AND r.project_id = e.project_id AND r.what = 'project' AND r.depth = 1
            AND r.latest_before < e.version AND r.latest_version > e.version)
    LIMIT 1
);

-- renumbered: a given number changes
CREATE TEMP TABLE chosen AS SELECT id, project_id FROM highest;
UPDATE projects SET latest_version = latest_version + 1 WHERE id IN (SELECT project_id FROM chosen);
UPDATE generations SET version = version + 1 WHERE id IN (SELECT id FROM chosen);

-- renumbered: not the number that its writer was told
SET session_replication_role = replica;
CREATE TEMP TABLE chosen AS SELECT id, project_id FROM highest_told;
UPDATE projects SET latest_version = latest_version + 1 WHERE id IN (SELECT project_id FROM chosen);
UPDATE generations SET version = version + 1 WHERE id IN (SELECT id FROM chosen);

-- flags: none
UPDATE generations SET is_active = false WHERE id = (SELECT min(id) FROM generations WHERE is_active);

-- flags: two
UPDATE generations SET is_active = true WHERE id = (SELECT older_id FROM older_completed);

-- active: an older one
SET session_replication_role = replica;
CREATE TEMP TABLE chosen AS SELECT project_id, active_id, older_id FROM older_completed;
UPDATE generations SET is_active = id = older_id FROM chosen WHERE id IN (active_id, older_id);
UPDATE projects SET active_generation_id = older_id FROM chosen WHERE id = project_id;

-- active: an older one, before everybody's eyes
CREATE TEMP TABLE chosen AS SELECT project_id, active_id, older_id FROM older_completed;
UPDATE generations SET is_active = id = older_id FROM chosen WHERE id IN (active_id, older_id);
UPDATE projects SET active_generation_id = older_id FROM chosen WHERE id = project_id;

-- active: none, and nothing went away
CREATE TEMP TABLE chosen AS SELECT project_id, active_id FROM older_completed;
UPDATE generations SET is_active = false FROM chosen WHERE id = active_id;
UPDATE projects SET active_generation_id = NULL FROM chosen WHERE id = project_id;

-- active: what the next release chose had no effect
DELETE FROM history.events
WHERE seq = (
    SELECT max(seq) FROM history.events
    WHERE what = 'project' AND application = 'next-release' AND depth = 1 AND active_id IS DISTINCT FROM active_before
);
