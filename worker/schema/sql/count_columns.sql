-- How many of the named columns the table has. From the catalog, which needs no lock on the table. text[] and
-- not name[]: what that is the driver would have to ask, and it sets `jit` in the session to do so.
SELECT count(*)
  FROM pg_catalog.pg_attribute AS a
 WHERE a.attrelid = to_regclass(:table) AND a.attname = ANY(CAST(:names AS text[])) AND NOT a.attisdropped;
