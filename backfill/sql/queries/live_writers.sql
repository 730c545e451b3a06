-- With whose rights live writes are done. The function of a sync trigger that is SECURITY DEFINER works with those of its
-- owner ('owner'), any other with those of whoever inserts or updates ('invoker'). While all are of the first kind, a role
-- that inserts rows ('application') needs no right on the new columns; the next release that it runs will.
-- Superusers may do everything, and a role that cannot log in writes nothing itself. text[] for the reason given in
-- survey_tables.sql.
WITH functions AS (
    SELECT f.proowner, f.prosecdef
    FROM pg_catalog.pg_proc AS f
    JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
    WHERE n.nspname = CAST(:schema AS text) AND f.proname = ANY (CAST(:functions AS text[]))
)
SELECT CAST(pg_get_userbyid(f.proowner) AS text) AS name, 'owner' AS kind
FROM functions AS f
WHERE f.prosecdef
UNION
SELECT CAST(r.rolname AS text),
       CASE WHEN EXISTS (SELECT FROM functions WHERE NOT prosecdef) THEN 'invoker' ELSE 'application' END
FROM pg_catalog.pg_roles AS r
JOIN pg_catalog.pg_namespace AS n ON n.nspname = CAST(:schema AS text)
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = CAST(:table AS text)
WHERE r.rolcanlogin AND NOT r.rolsuper AND has_any_column_privilege(r.oid, c.oid, 'INSERT')
ORDER BY 1, 2
