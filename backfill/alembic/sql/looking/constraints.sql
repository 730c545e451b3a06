-- The constraints of one table, by what they do. `to_relation` is the oid of the table that a foreign key leads to. How a
-- check is spelled says whether it is validated, and in PostgreSQL 18 whether it is enforced: that is cut off.
SELECT CAST(k.conname AS text) AS name, CAST(k.contype AS text) AS kind, k.convalidated AS is_validated,
       regexp_replace(pg_get_constraintdef(k.oid), '( NOT VALID| NOT ENFORCED)+$', '') AS does,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(k.conkey) WITH ORDINALITY AS c (attnum, place)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.attnum
           ORDER BY c.place
       ) AS columns,
       CAST(k.confrelid AS bigint) AS to_relation,
       ARRAY(
           SELECT CAST(a.attname AS text)
           FROM unnest(k.confkey) WITH ORDINALITY AS c (attnum, place)
           JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = c.attnum
           ORDER BY c.place
       ) AS to_columns,
       CAST(k.confdeltype AS text) AS on_delete, CAST(k.confupdtype AS text) AS on_update,
       k.condeferrable AS is_deferrable, k.condeferred AS is_deferred
FROM pg_catalog.pg_constraint AS k
WHERE k.conrelid = to_regclass(CAST(:relation AS text))
ORDER BY k.conname
