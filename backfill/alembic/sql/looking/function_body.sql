-- A function without arguments, as those of triggers are. NULL: there is none.
SELECT p.prosrc FROM pg_catalog.pg_proc AS p WHERE p.oid = to_regprocedure(CAST(:function AS text) || '()')
