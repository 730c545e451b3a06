-- What a name leads to: its oid, its kind and its size without indexes. No row: it leads nowhere.
SELECT CAST(c.oid AS bigint) AS oid, CAST(c.relkind AS text) AS kind, pg_table_size(c.oid) AS bytes
FROM pg_catalog.pg_class AS c
WHERE c.oid = to_regclass(CAST(:relation AS text))
