-- The functions of the triggers work with the rights of whoever creates them, and refuse to count where row-level security
-- hides rows from that role: each insert of the application would fail then. So this is asked before anything is changed.
DO $$
DECLARE
    hidden record;
BEGIN
    SELECT r.rolname, c.relname INTO hidden
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_roles AS r
        ON r.rolname = current_user
        OR r.oid IN (
               SELECT f.proowner FROM pg_catalog.pg_proc AS f
                WHERE f.oid IN (to_regprocedure('public.generations_number_before_insert()'),
                                to_regprocedure('public.generations_activate_completed()'),
                                to_regprocedure('public.generations_raise_after_insert()'),
                                to_regprocedure('public.generations_renumber_before_move()'),
                                to_regprocedure('public.projects_reserve_numbers()')))
     WHERE c.oid IN (to_regclass('public.projects'), to_regclass('public.generations'))
       AND c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
       AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE'))
     ORDER BY r.rolname, c.relname
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'row-level security hides rows of % from the role %, with whose rights live writes are numbered',
                        hidden.relname, hidden.rolname
            USING ERRCODE = 'insufficient_privilege', HINT = format('Run: ALTER ROLE %I BYPASSRLS;', hidden.rolname);
    END IF;
END
$$;
