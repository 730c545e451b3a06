-- How many of the named columns the table has. From the catalog, which needs no lock on the table.
SELECT count(*)
  FROM pg_catalog.pg_attribute AS a
 WHERE a.attrelid = to_regclass(:table) AND a.attname = ANY(:names) AND NOT a.attisdropped;
