-- The body and the settings of a function without arguments, as those of triggers are; none: no such function. By name for
-- the reason given in columns.sql.
SELECT p.prosrc AS body, coalesce(p.proconfig, '{}') AS settings
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = to_regnamespace('public') AND p.proname = CAST(:function AS text) AND p.pronargs = 0
