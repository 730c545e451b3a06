-- The tables of which a role does not see every row, with what to do about it. Row-level security spares superusers, roles
-- with BYPASSRLS, and the owner with those who have joined it, unless it is forced upon them. What a policy says does not
-- count: one that shows everything today is refused as well when row_security is off.
SELECT format('BYPASSRLS: row-level security (%s) hides rows of %s from it',
              coalesce('policy ' || p.names, 'no policy'), c.relname) AS privilege,
       format('ALTER ROLE %I BYPASSRLS%s;', r.rolname,
              CASE WHEN pg_has_role(r.oid, c.relowner, 'USAGE')
                   THEN format(', or ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', n.nspname, c.relname)
                   ELSE '' END) AS remedy
FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS wanted (schema_name, table_name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.schema_name
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.table_name
JOIN pg_catalog.pg_roles AS r ON r.rolname = CAST(:role AS text)
CROSS JOIN LATERAL (
    SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) AS names
    FROM pg_catalog.pg_policy AS p
    WHERE p.polrelid = c.oid
      AND (0 = ANY (p.polroles)
           OR EXISTS (SELECT FROM unnest(p.polroles) AS m (oid) WHERE m.oid <> 0 AND pg_has_role(r.oid, m.oid, 'USAGE')))
) AS p
WHERE c.relrowsecurity
  AND NOT r.rolsuper AND NOT r.rolbypassrls
  AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE'))
ORDER BY c.relname
