-- The body of a function without arguments, as those of triggers are; NULL: no such function.
SELECT p.prosrc FROM pg_catalog.pg_proc AS p WHERE p.oid = to_regprocedure(:function || '()')
