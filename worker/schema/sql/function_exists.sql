-- For functions without arguments, as those of triggers are.
SELECT to_regprocedure(:function || '()') IS NOT NULL;
