-- The triggers of one table that somebody made; `is_enabled`: it fires in ordinary sessions.
SELECT CAST(t.tgname AS text) AS name, CAST(f.proname AS text) AS function, t.tgenabled IN ('O', 'A') AS is_enabled
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
WHERE t.tgrelid = to_regclass(CAST(:relation AS text)) AND NOT t.tgisinternal
ORDER BY t.tgname
