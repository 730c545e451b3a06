-- The body of a function without arguments, as those of triggers are; none: no such function. By name for the reason given
-- in columns.sql.
SELECT p.prosrc
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = to_regnamespace('public') AND p.proname = CAST(:function AS text) AND p.pronargs = 0
