-- A function without arguments, as those of triggers are.
SELECT to_regprocedure(CAST(:function AS text) || '()') IS NOT NULL
