-- Three roles, none of which can do more than its work needs:
--
--   backfill_migrator   runs `alembic upgrade head`. It has the rights of the tables' owner, and the sync triggers' functions
--                       are its own: live writes are numbered with its rights, so it must be kept while these triggers are there.
--   backfill_worker     runs `arq worker.main.WorkerSettings`. It reads and updates the columns named below. It cannot read a prompt
--                       or any other column or table, and it cannot insert, delete, or change the schema.
--   backfill_api        runs `backfill serve`, `enqueue`, `status`, `verify`, `doctor` and the rest of the command line. It reads the
--                       same columns and writes nothing; runs are kept in Redis.
--
-- Run it in the application's database, as a superuser or as an administrator who may create roles and grant the owner's, with
-- psql 13 or newer; once before the migration and once after it, because rights can be given only on columns that are there:
--
--   psql -X -f docs/roles.sql "$ADMIN_URL"
--   DATABASE_URL=... alembic upgrade head        # as backfill_migrator
--   psql -X -f docs/roles.sql "$ADMIN_URL"
--
-- It may be run again at any time, also while a run goes on. Other names: psql -v migrator=... -v worker=... -v api=...
-- Where the tables' owner itself is to migrate, give its name as the migrator's.
-- There are no passwords in here: set them in psql with \password backfill_worker, or log in by certificate.

\set ON_ERROR_STOP on
\if :{?migrator}
\else
    \set migrator backfill_migrator
\endif
\if :{?worker}
\else
    \set worker backfill_worker
\endif
\if :{?api}
\else
    \set api backfill_api
\endif

-- An ALTER TABLE that waits holds up everybody behind it: rather fail and be run again.
SET lock_timeout = '2s';

-- The roles.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', r.name)
FROM (VALUES (:'migrator'), (:'worker'), (:'api')) AS r (name)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r.name)
\gexec
GRANT CONNECT ON DATABASE :"DBNAME" TO :"migrator", :"worker", :"api";
GRANT USAGE ON SCHEMA public TO :"migrator", :"worker", :"api";

-- The migrator: indexes, functions and Alembic's own table are made in the schema, and only an owner may alter a table.
-- It joins the owner instead of replacing it, which leaves the application with all it had.
GRANT CREATE ON SCHEMA public TO :"migrator";
SELECT DISTINCT format('GRANT %I TO %I', o.rolname, :'migrator')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relname IN ('projects', 'generations', 'alembic_version')
  AND o.rolname <> :'migrator' AND NOT o.rolsuper
\gexec

-- What a superuser owns is handed over: who joins a superuser can become one. It loses nothing, it may do everything anyway; and
-- the functions, which run with the rights of their owner, must not run with those of a superuser.
SELECT format('ALTER TABLE public.%I OWNER TO %I', c.relname, :'migrator')
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relname IN ('projects', 'generations', 'alembic_version')
  AND o.rolsuper
UNION ALL
SELECT format('ALTER FUNCTION public.%I() OWNER TO %I', f.proname, :'migrator')
FROM pg_catalog.pg_proc AS f
JOIN pg_catalog.pg_roles AS o ON o.oid = f.proowner
WHERE f.pronamespace = 'public'::regnamespace
  AND f.proname IN ('generations_number_before_insert', 'generations_activate_completed',
                    'generations_renumber_before_move', 'projects_latest_version_before_update',
                    'projects_reserve_numbers', 'generations_raise_after_insert')
  AND o.rolsuper
\gexec

-- Worker and api: everything away and these columns given, in one transaction, so that a run under way notices nothing.
-- ctid: the worker finds the rows it has locked by their place. xmax: whether anybody has locked one. SELECT ... FOR NO KEY
-- UPDATE wants UPDATE on any one column.
BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM :"worker", :"api";
REVOKE CREATE ON SCHEMA public FROM :"worker", :"api";
SELECT format('GRANT %s (%I) ON public.%I TO %I', g.privilege, a.attname, g.table_name, g.role)
FROM (
    VALUES (:'worker', 'SELECT', 'projects', '{ctid,xmax,id,created_at,latest_version,active_generation_id}'::name[]),
           (:'worker', 'UPDATE', 'projects', '{latest_version,active_generation_id}'),
           (:'worker', 'SELECT', 'generations',
            '{ctid,id,project_id,created_at,status,version,storage_path,is_active}'),
           (:'worker', 'UPDATE', 'generations', '{version,storage_path,is_active}'),
           (:'worker', 'SELECT', 'alembic_version', '{version_num}'),
           (:'api', 'SELECT', 'projects', '{xmax,id,created_at,latest_version,active_generation_id}'),
           (:'api', 'SELECT', 'generations', '{id,project_id,created_at,status,version,storage_path,is_active}'),
           (:'api', 'SELECT', 'alembic_version', '{version_num}')
) AS g (role, privilege, table_name, columns)
JOIN pg_catalog.pg_class AS c ON c.relnamespace = 'public'::regnamespace AND c.relname = g.table_name
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = ANY (g.columns) AND NOT a.attisdropped
\gexec
COMMIT;

-- Row-level security would show them a part of the rows, and they need all: the worker to number them, the api to verify them,
-- the migrator because live writes are numbered with its rights. It opens no column and no table that was not given above.
SELECT DISTINCT format('ALTER ROLE %I BYPASSRLS', r.rolname)
FROM pg_catalog.pg_roles AS r
JOIN pg_catalog.pg_class AS c ON c.relnamespace = 'public'::regnamespace AND c.relname IN ('projects', 'generations')
WHERE r.rolname IN (:'migrator', :'worker', :'api') AND NOT r.rolsuper AND NOT r.rolbypassrls
  AND c.relrowsecurity AND (c.relforcerowsecurity OR NOT pg_has_role(r.oid, c.relowner, 'USAGE'))
\gexec

-- What everybody may do, the worker may, too, and that is not this script's to take away.
SELECT has_schema_privilege(:'worker', 'public', 'CREATE') AS may_create,
       has_column_privilege(:'worker', 'public.generations', 'prompt', 'SELECT') AS may_read_prompts,
       NOT EXISTS (
           SELECT FROM pg_catalog.pg_attribute AS a
           WHERE a.attrelid = 'public.projects'::regclass AND a.attname = 'latest_version' AND NOT a.attisdropped
       ) AS before_migration
\gset
\if :may_create
    \warn 'Everybody may create tables in schema public. To end that: REVOKE CREATE ON SCHEMA public FROM PUBLIC;'
\endif
\if :may_read_prompts
    \warn 'Everybody may read prompts. To end that: REVOKE SELECT ON public.generations FROM PUBLIC;'
\endif
\if :before_migration
    \warn 'The migration has not been run: run it as the migrator, and then this script again.'
\endif
