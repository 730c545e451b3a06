-- The indexes of one table, by what they do: how PostgreSQL spells everything behind the name of the table. Two that are
-- spelled alike do the same.
SELECT CAST(c.relname AS text) AS name, i.indisunique AS is_unique,
       substring(pg_get_indexdef(i.indexrelid) FROM ' (USING .*)$') AS does,
       i.indisvalid AND i.indisready AND i.indislive AS is_valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass(CAST(:relation AS text))
ORDER BY c.relname
