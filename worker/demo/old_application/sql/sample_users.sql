-- Some of the people.
SELECT id FROM users ORDER BY md5(id || $1::text) LIMIT 1000
