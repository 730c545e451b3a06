-- Which of the named rights a role does not have, in whatever way it could have them (its own, PUBLIC's, those of the roles
-- that it inherits from), and what to grant. A column that is not there is for the check of the columns to tell. From the
-- catalog alone, which needs no right on the schema: to_regclass would.
SELECT 'USAGE on schema public' AS privilege,
       format('GRANT USAGE ON SCHEMA public TO %I;', CAST(:role AS text)) AS remedy,
       0 AS place
WHERE NOT has_schema_privilege(CAST(:role AS name), 'public', 'USAGE')
UNION ALL
SELECT format('%s (%s) on %s', n.privilege, string_agg(quote_ident(n.column_name), ', ' ORDER BY n.place), n.table_name),
       format('GRANT %s (%s) ON public.%I TO %I;', n.privilege,
              string_agg(quote_ident(n.column_name), ', ' ORDER BY n.place), n.table_name, CAST(:role AS text)),
       min(n.place)
FROM unnest(CAST(:tables AS text[]), CAST(:columns AS text[]), CAST(:privileges AS text[]))
     WITH ORDINALITY AS n (table_name, column_name, privilege, place)
JOIN pg_catalog.pg_class AS c ON c.relnamespace = to_regnamespace('public') AND c.relname = n.table_name
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = n.column_name AND NOT a.attisdropped
WHERE NOT has_column_privilege(CAST(:role AS name), c.oid, a.attnum, n.privilege)
GROUP BY n.table_name, n.privilege
ORDER BY place
