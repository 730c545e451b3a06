-- Rows whose folder is not what it should be point to their flat copy again, so that they are to be brought over anew. Only
-- rows that are locked, and still point to that folder.
UPDATE public.generations AS g
SET storage_path = './storage/projects/' || g.id
FROM unnest(CAST(:ids AS text[]), CAST(:paths AS text[])) AS n (id, path)
WHERE g.id = n.id AND g.storage_path = n.path
