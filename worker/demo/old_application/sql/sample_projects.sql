-- Projects of any size and age, in an order that depends on the seed only.
SELECT id FROM projects ORDER BY md5(id || $1::text) LIMIT 20000
