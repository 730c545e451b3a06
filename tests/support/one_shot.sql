-- What the run must amount to on data that nobody touches: the statements of the migration it replaces.
UPDATE generations AS g SET version = n.version, storage_path = './storage/projects/' || g.id
FROM (SELECT id, row_number() OVER (PARTITION BY project_id ORDER BY created_at, id) AS version FROM generations) AS n
WHERE n.id = g.id;

UPDATE projects AS p SET latest_version =
    coalesce((SELECT max(version) FROM generations AS g WHERE g.project_id = p.id), 0);

UPDATE projects AS p SET active_generation_id =
    (SELECT id FROM generations AS g WHERE g.project_id = p.id AND g.status = 'completed'
     ORDER BY created_at DESC, id DESC LIMIT 1);

UPDATE generations AS g SET is_active = true FROM projects AS p WHERE p.active_generation_id = g.id;
