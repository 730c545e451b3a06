-- NULL: no such index. False: left behind by a CREATE INDEX CONCURRENTLY that did not end.
SELECT i.indisvalid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = to_regclass(:index);
