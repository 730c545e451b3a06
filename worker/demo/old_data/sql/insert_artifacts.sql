-- What one completed generation in eight left in the file storage: about a tenth of all.
INSERT INTO artifacts (generation_id, type, storage_url, file_size, file_metadata, id, created_at, updated_at)
SELECT g.id, pg_temp.pick(ARRAY['zip', 'openapi', 'diff', 'github_pr'], g.quality),
       format('s3://artifacts/%s/%s', g.project_id, g.id), 2000 + (g.pace * 90000)::integer,
       json_build_object('downloads', g.number % 7), pg_temp.key(s.seed, 'artifact', g.number),
       g.created_at + interval '2 minutes', g.created_at + interval '2 minutes'
FROM old_generations AS g, old_shape AS s
WHERE g.status = 'completed' AND pg_temp.draw(s.seed, g.number, 90) < 0.125
