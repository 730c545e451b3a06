-- Which of the named rights a role does not have, in whatever way it could have them (its own, PUBLIC's, those of the roles
-- that it inherits from), and what to grant. A column that is not there is for the check of the columns to tell. From the
-- catalog alone, which needs no right on the schema: to_regclass would.
SELECT format('USAGE on schema %s', quote_ident(s.nspname)) AS privilege,
       format('GRANT USAGE ON SCHEMA %I TO %I;', s.nspname, CAST(:role AS text)) AS remedy,
       0 AS place
FROM pg_catalog.pg_namespace AS s
WHERE s.nspname = ANY (CAST(:schemas AS text[]))
  AND NOT has_schema_privilege(CAST(:role AS name), s.oid, 'USAGE')
UNION ALL
SELECT format('%s (%s) on %s%s', n.privilege, string_agg(quote_ident(n.column_name), ', ' ORDER BY n.place),
              CASE WHEN n.schema_name <> 'public' THEN n.schema_name || '.' ELSE '' END, n.table_name),
       format('GRANT %s (%s) ON %I.%I TO %I;', n.privilege,
              string_agg(quote_ident(n.column_name), ', ' ORDER BY n.place), n.schema_name, n.table_name,
              CAST(:role AS text)),
       min(n.place)
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[]), CAST(:columns AS text[]), CAST(:privileges AS text[]))
     WITH ORDINALITY AS n (schema_name, table_name, column_name, privilege, place)
JOIN pg_catalog.pg_namespace AS s ON s.nspname = n.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = s.oid AND c.relname = n.table_name
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = n.column_name AND NOT a.attisdropped
WHERE NOT has_column_privilege(CAST(:role AS name), c.oid, a.attnum, n.privilege)
GROUP BY n.schema_name, n.table_name, n.privilege
ORDER BY place
