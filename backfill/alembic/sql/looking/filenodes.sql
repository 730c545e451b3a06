-- Of the empty copy and its indexes: which file each is in. Whatever is rewritten or rebuilt is in another one afterwards.
SELECT pg_relation_filenode(c.oid) AS filenode
FROM pg_catalog.pg_class AS c
WHERE c.oid = to_regclass('pg_temp.online_copy')
   OR c.oid IN (SELECT i.indexrelid FROM pg_catalog.pg_index AS i WHERE i.indrelid = to_regclass('pg_temp.online_copy'))
ORDER BY 1
