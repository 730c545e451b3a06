-- NULL: no such constraint. False: added NOT VALID and not validated since.
SELECT c.convalidated
  FROM pg_catalog.pg_constraint AS c
 WHERE c.conrelid = to_regclass(:table) AND c.conname = :constraint;
