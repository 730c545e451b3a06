-- What `alembic upgrade head` does to a database at e011ab9dd223, to be read. Made by `make preview-sql`.

SELECT set_config('search_path', concat_ws(', ', 'public', nullif(current_setting('search_path'), '')), false),
       set_config('row_security', 'off', false);

BEGIN;

-- Running upgrade e011ab9dd223 -> 39e7f45c72f1

COMMIT;

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

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

DO $$
DECLARE
    leftover regclass;
BEGIN
    FOR leftover IN
        SELECT i.indexrelid
          FROM pg_catalog.pg_index AS i
         WHERE NOT i.indisvalid
           AND i.indexrelid IN (
               to_regclass('public.ix_generations_project_id_created_at_id'),
               to_regclass('public.ix_projects_created_at_id'),
               to_regclass('public.ix_projects_active_generation_id')
           )
    LOOP
        EXECUTE format('DROP INDEX %s', leftover);
    END LOOP;
END
$$;

COMMIT;

SET lock_timeout = 0;

SET statement_timeout = 0;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_generations_project_id_created_at_id ON public.generations (project_id, created_at, id);

RESET statement_timeout;

RESET lock_timeout;

SET lock_timeout = 0;

SET statement_timeout = 0;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_created_at_id ON public.projects (created_at, id);

RESET statement_timeout;

RESET lock_timeout;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

ALTER TABLE public.generations
    ADD COLUMN IF NOT EXISTS version INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS version_name VARCHAR(50),
    ADD COLUMN IF NOT EXISTS is_active BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS storage_path VARCHAR(500),
    ADD COLUMN IF NOT EXISTS file_count INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS total_size_bytes INTEGER,
    ADD COLUMN IF NOT EXISTS diff_from_previous TEXT,
    ADD COLUMN IF NOT EXISTS changes_summary JSON;

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

ALTER TABLE public.projects
    ADD COLUMN IF NOT EXISTS latest_version INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS active_generation_id VARCHAR(36);

COMMIT;

SET lock_timeout = 0;

SET statement_timeout = 0;

CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_projects_active_generation_id ON public.projects (active_generation_id) WHERE active_generation_id IS NOT NULL;

RESET statement_timeout;

RESET lock_timeout;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
    ) THEN
        LOCK TABLE public.generations, public.projects IN SHARE ROW EXCLUSIVE MODE;
        ALTER TABLE public.projects
            ADD CONSTRAINT fk_projects_active_generation
            FOREIGN KEY (active_generation_id) REFERENCES public.generations (id) ON DELETE SET NULL NOT VALID;
    END IF;
END
$$;

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

ALTER TABLE public.projects VALIDATE CONSTRAINT fk_projects_active_generation;

COMMIT;

CREATE OR REPLACE FUNCTION public.projects_latest_version_before_update() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    NEW.latest_version := OLD.latest_version;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION public.projects_reserve_numbers() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    -- One of 256, so that a transaction that raises thousands of projects need not read about all of them each time.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.id) & 255);
    noted text := coalesce(nullif(current_setting(its_setting, true), ''), '{}');
    unused int8multirange;
    highest integer := 0;
    unassigned boolean;
    -- See generations_raise_after_insert: an INSERT may be part of the same statement.
    given_setting text := 'backfill.given_' || (hashtext(NEW.id) & 255);
    given jsonb := nullif(current_setting(given_setting, true), '');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        highest := greatest(OLD.latest_version, 0);
        IF highest = 0 THEN
            -- Raised as if it had no generations yet. Where it has, only what has numbered all of them may settle it.
            SELECT coalesce(bool_or(g.storage_path IS NULL), false),
                   coalesce(max(g.version) FILTER (WHERE g.storage_path IS NOT NULL), 0)
              INTO unassigned, highest
              FROM public.generations AS g
             WHERE g.project_id = NEW.id;
            IF unassigned OR NEW.latest_version < highest THEN
                NEW.latest_version := OLD.latest_version;
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    IF given ? NEW.id::text THEN
        highest := greatest(highest, (given ->> NEW.id::text)::integer);
        IF NEW.latest_version <= highest THEN
            RETURN NEW;
        END IF;
        PERFORM set_config(given_setting, (given || jsonb_build_object(NEW.id, NEW.latest_version))::text, true);
    END IF;

    -- An import of a million projects in one transaction is not to become quadratic: later ones are counted on.
    IF length(noted) < 30000 THEN
        unused := coalesce(noted::jsonb ->> NEW.id::text, '{}');
        unused := unused + int8multirange(int8range(highest::bigint + 1, NEW.latest_version::bigint + 1));
        PERFORM set_config(its_setting, (noted::jsonb || jsonb_build_object(NEW.id, unused::text))::text, true);
    END IF;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION public.generations_renumber_before_move() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    settled boolean;
    active_id varchar;
    -- See projects_reserve_numbers.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.project_id) & 255);
    noted jsonb;
    unused int8multirange;
    -- See generations_raise_after_insert: an INSERT may be part of the same statement.
    given_setting text := 'backfill.given_' || (hashtext(NEW.project_id) & 255);
    given jsonb := nullif(current_setting(given_setting, true), '');
BEGIN
    -- The projects always in the same order, so that two moves in opposite directions do not deadlock. With them the
    -- active generation of the new one, for the reason and in the way of generations_number_before_insert.
    LOOP
        active_id := NULL;
        BEGIN
            PERFORM FROM public.projects AS p
              WHERE p.id IN (OLD.project_id, NEW.project_id)
              ORDER BY p.id
                FOR NO KEY UPDATE;
            SELECT p.active_generation_id INTO active_id FROM public.projects AS p WHERE p.id = NEW.project_id;
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for a project
            END IF;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    UPDATE public.projects AS p SET active_generation_id = NULL
     WHERE p.id = OLD.project_id AND p.active_generation_id = OLD.id;
    IF NEW.is_active IS NOT DISTINCT FROM OLD.is_active THEN
        NEW.is_active := false;
    END IF;

    SELECT p.latest_version INTO latest FROM public.projects AS p WHERE p.id = NEW.project_id;
    IF NOT FOUND THEN
        RETURN NEW;  -- no such project: the foreign key will say so
    END IF;
    latest := greatest(latest, (given ->> NEW.project_id::text)::integer);
    settled := latest > 0 OR NOT EXISTS (SELECT FROM public.generations AS g WHERE g.project_id = NEW.project_id);
    -- See generations_number_before_insert.
    IF NOT settled AND current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        PERFORM FROM public.generations AS g WHERE g.project_id = NEW.project_id LIMIT 1 FOR KEY SHARE SKIP LOCKED;
    END IF;

    IF settled THEN
        noted := nullif(current_setting(its_setting, true), '');
        unused := noted ->> NEW.project_id::text;
        IF NEW.version::bigint <@ unused THEN
            unused := unused - int8multirange(int8range(NEW.version, NEW.version, '[]'));
            PERFORM set_config(its_setting, (noted || jsonb_build_object(NEW.project_id, unused::text))::text, true);
        ELSIF NEW.version IS NOT DISTINCT FROM OLD.version OR NEW.version <= latest THEN
            NEW.version := latest + 1;
        END IF;
        NEW.storage_path := coalesce(NEW.storage_path, './storage/projects/' || NEW.id);
        UPDATE public.projects AS p SET latest_version = NEW.version
         WHERE p.id = NEW.project_id AND p.latest_version < NEW.version;
        IF NEW.version > (given ->> NEW.project_id::text)::integer THEN
            PERFORM set_config(given_setting, (given || jsonb_build_object(NEW.project_id, NEW.version))::text, true);
        END IF;
    ELSIF NEW.version IS NOT DISTINCT FROM OLD.version
          AND (NEW.storage_path IS NULL OR NEW.storage_path = './storage/projects/' || NEW.id)
    THEN
        -- Unassigned again: the backfill numbers it with the others there.
        NEW.storage_path := NULL;
        NEW.version := 1;
        NEW.is_active := false;
    ELSIF NEW.storage_path IS NOT NULL THEN
        -- Its place is known to the writer only and must be kept, so it stays assigned, after those that are.
        SELECT greatest(nullif(NEW.version, OLD.version), coalesce(max(g.version), 0) + 1) INTO NEW.version
          FROM public.generations AS g
         WHERE g.project_id = NEW.project_id AND g.storage_path IS NOT NULL;
    END IF;
    RETURN NEW;
END
$function$;

CREATE OR REPLACE FUNCTION public.generations_activate_completed() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    active_id varchar;
BEGIN
    -- Unassigned: the backfill numbers it and decides about it then. Inserted with a place of its own: by a release
    -- that knows of versions, and activates for itself.
    IF NEW.storage_path IS NULL
       OR TG_OP = 'INSERT' AND NEW.storage_path <> './storage/projects/' || NEW.id
    THEN
        RETURN NULL;
    END IF;

    -- Of rows that one statement has inserted (they have its cmin), each but the newest would only take the flag from the
    -- one before: whoever has another right behind it leaves it to that one.
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT
          FROM public.generations AS g
          CROSS JOIN LATERAL (
              SELECT n.xmin, n.cmin, n.id, n.status, n.storage_path
                FROM public.generations AS n
               WHERE n.project_id = NEW.project_id AND (n.created_at, n.id) > (NEW.created_at, NEW.id)
               ORDER BY n.created_at, n.id
               LIMIT 8
          ) AS next
         WHERE g.id = NEW.id AND next.xmin = g.xmin AND next.cmin = g.cmin
           AND next.status = 'completed' AND next.storage_path = './storage/projects/' || next.id
    ) THEN
        RETURN NULL;
    END IF;

    -- Two rows have to be locked, the project and its present active generation, and the application locks the same
    -- two in either order (it edits a finished generation and then its project, or deletes it). So the second one is
    -- never waited for while the first is held: the inner block gives the project back and waits with empty hands.
    LOOP
        active_id := NULL;
        BEGIN
            -- What this returns is the project as it is after the wait, perhaps settled just now.
            SELECT p.latest_version, p.active_generation_id INTO latest, active_id
              FROM public.projects AS p
             WHERE p.id = NEW.project_id
               FOR NO KEY UPDATE;
            IF NOT FOUND OR latest < 1 THEN
                RETURN NULL;  -- the backfill will choose among all completed ones
            END IF;
            IF EXISTS (
                SELECT FROM public.generations AS a
                 WHERE a.id = active_id AND (a.created_at, a.id) > (NEW.created_at, NEW.id)
            ) THEN
                RETURN NULL;
            END IF;
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE NOWAIT;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for the project
            END IF;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    IF active_id IS DISTINCT FROM NEW.id THEN
        UPDATE public.generations AS a SET is_active = false WHERE a.id = active_id AND a.is_active;
        UPDATE public.projects AS p SET active_generation_id = NEW.id WHERE p.id = NEW.project_id;
    END IF;
    -- The row as it is now, not NEW: other rows of the same statement may have changed it meanwhile.
    UPDATE public.generations AS g SET is_active = true WHERE g.id = NEW.id AND NOT g.is_active;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION public.generations_raise_after_insert() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY string_to_array(current_setting('backfill.given'), ' ') LOOP
        UPDATE public.projects AS p SET latest_version = g.latest::integer
          FROM jsonb_each_text(current_setting('backfill.given_' || part)::jsonb) AS g (project_id, latest)
         WHERE p.id = g.project_id AND p.latest_version < g.latest::integer;
        PERFORM set_config('backfill.given_' || part, '', true);
    END LOOP;
    PERFORM set_config('backfill.given', '', true);
    RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION public.generations_number_before_insert() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET row_security = off
AS $function$
DECLARE
    latest integer;
    active_id varchar;
    -- See projects_reserve_numbers.
    its_setting text := 'backfill.reserved_' || (hashtext(NEW.project_id) & 255);
    noted text := coalesce(nullif(current_setting(its_setting, true), ''), '{}');
    unused int8multirange :=
        coalesce(CASE WHEN noted <> '{}' THEN noted::jsonb ->> NEW.project_id::text END, '{}');
    -- See generations_raise_after_insert.
    part text := hashtext(NEW.project_id) & 255;
    parts text := coalesce(current_setting('backfill.given', true), '');
    given text := coalesce(nullif(current_setting('backfill.given_' || part, true), ''), '{}');
    raised_later boolean := false;
    counts_itself boolean;
BEGIN
    IF given <> '{}' THEN
        latest := given::jsonb ->> NEW.project_id::text;
        raised_later := latest IS NOT NULL;
    END IF;

    -- The lock in a statement of its own: one that waits for a lock goes on computing from the snapshot it took before
    -- the wait. NO KEY, because that is what the foreign key's own lock on the project does not get in the way of.
    -- A project that this transaction has written before is locked already, with all that belongs to it; one in which it
    -- has reserved this number, by another subtransaction perhaps, is not written again.
    IF NOT raised_later THEN
        SELECT p.latest_version, p.xmin = pg_current_xact_id()::xid AND p.latest_version > 0 AND length(given) < 8000
          INTO latest, raised_later
          FROM public.projects AS p
         WHERE p.id = NEW.project_id
           AND (p.xmin = pg_current_xact_id()::xid OR NEW.version::bigint <@ unused) FOR NO KEY UPDATE;
    END IF;

    -- Once this has raised latest_version, every further update of the project in the same transaction checks its
    -- foreign keys, changed or not, and so locks the present active generation; and a completed row takes its place in
    -- the end. An edit or a delete of that one locks the same two in the other order. So it is locked here, and as in
    -- generations_activate_completed the second one is never waited for while the first is held.
    WHILE latest IS NULL LOOP
        active_id := NULL;
        BEGIN
            SELECT p.latest_version, p.active_generation_id INTO latest, active_id
              FROM public.projects AS p
             WHERE p.id = NEW.project_id
               FOR NO KEY UPDATE;
            IF NOT FOUND THEN
                RETURN NEW;  -- no such project: the foreign key will say so
            END IF;
            IF NEW.status = 'completed' THEN
                PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE NOWAIT;
            ELSE
                PERFORM FROM public.generations AS a WHERE a.id = active_id FOR KEY SHARE NOWAIT;
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF active_id IS NULL THEN
                RAISE;  -- the application's own lock_timeout, for the project
            END IF;
            latest := NULL;
        END;
        BEGIN
            PERFORM FROM public.generations AS a WHERE a.id = active_id FOR NO KEY UPDATE;
            RAISE EXCEPTION USING ERRCODE = 'BF000';  -- gives the lock back
        EXCEPTION WHEN SQLSTATE 'BF000' THEN
            NULL;
        END;
    END LOOP;

    -- Not settled yet: the row stays unassigned, and the backfill takes it in its order. One that comes with a place of its
    -- own is assigned by that, so its number must not be another one's; the rows are read for such a writer alone.
    IF latest < 1 AND EXISTS (SELECT FROM public.generations AS g WHERE g.project_id = NEW.project_id) THEN
        -- What an older snapshot shows may be deleted, and the backfill have passed the empty project: a lock says so
        -- (40001). What is being deleted at the moment is skipped: the backfill comes after the lock on the project.
        IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
            PERFORM FROM public.generations AS g WHERE g.project_id = NEW.project_id LIMIT 1 FOR KEY SHARE SKIP LOCKED;
        END IF;
        IF NEW.storage_path IS NOT NULL THEN
            SELECT greatest(NEW.version, max(g.version) + 1) INTO NEW.version
              FROM public.generations AS g
             WHERE g.project_id = NEW.project_id AND g.storage_path IS NOT NULL;
        END IF;
        RETURN NEW;
    END IF;

    NEW.storage_path := coalesce(NEW.storage_path, './storage/projects/' || NEW.id);

    -- A writer that counts for itself keeps its number: one that this transaction has reserved, or one above all that were
    -- given. Unless another one was faster.
    IF NEW.version::bigint <@ unused THEN
        unused := unused - int8multirange(int8range(NEW.version, NEW.version, '[]'));
    ELSE
        counts_itself := NEW.version > latest;
        IF counts_itself THEN
            -- What it skips is left to this transaction, which may insert several in any order.
            unused := unused + int8multirange(int8range(latest::bigint + 1, NEW.version));
        ELSE
            NEW.version := latest + 1;
        END IF;
        IF raised_later THEN
            given := given::jsonb || jsonb_build_object(NEW.project_id, NEW.version);
            PERFORM set_config('backfill.given_' || part, given, true);
            IF parts = '' OR part <> ALL (string_to_array(parts, ' ')) THEN
                PERFORM set_config('backfill.given', ltrim(parts || ' ' || part), true);
            END IF;
        ELSE
            UPDATE public.projects AS p SET latest_version = NEW.version WHERE p.id = NEW.project_id;
        END IF;
        IF NOT counts_itself THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NOT isempty(unused) THEN
        PERFORM set_config(its_setting, (noted::jsonb || jsonb_build_object(NEW.project_id, unused::text))::text, true);
    ELSIF noted <> '{}' THEN
        PERFORM set_config(its_setting, (noted::jsonb - NEW.project_id::text)::text, true);
    END IF;
    RETURN NEW;
END
$function$;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER projects_latest_version_before_update
    BEFORE UPDATE OF latest_version ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version < OLD.latest_version)
    EXECUTE FUNCTION public.projects_latest_version_before_update();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER projects_reserve_before_update
    BEFORE UPDATE OF latest_version ON public.projects
    FOR EACH ROW
    WHEN (
        NEW.latest_version > OLD.latest_version
        AND pg_trigger_depth() = 0
        AND current_setting('backfill.settles', true) IS DISTINCT FROM 'on'
    )
    EXECUTE FUNCTION public.projects_reserve_numbers();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER projects_reserve_after_insert
    AFTER INSERT ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version > 0)
    EXECUTE FUNCTION public.projects_reserve_numbers();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER generations_renumber_before_move
    BEFORE UPDATE OF project_id ON public.generations
    FOR EACH ROW
    WHEN (NEW.project_id IS DISTINCT FROM OLD.project_id)
    EXECUTE FUNCTION public.generations_renumber_before_move();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER generations_activate_after_update
    AFTER UPDATE OF status ON public.generations
    FOR EACH ROW
    WHEN (
        NEW.status = 'completed'
        AND OLD.status IS DISTINCT FROM 'completed'
        AND NEW.storage_path IS NOT DISTINCT FROM OLD.storage_path
    )
    EXECUTE FUNCTION public.generations_activate_completed();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER generations_activate_after_insert
    AFTER INSERT ON public.generations
    FOR EACH ROW
    WHEN (NEW.status = 'completed')
    EXECUTE FUNCTION public.generations_activate_completed();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER generations_raise_after_insert
    AFTER INSERT ON public.generations
    FOR EACH STATEMENT
    WHEN (coalesce(current_setting('backfill.given', true), '') <> '')
    EXECUTE FUNCTION public.generations_raise_after_insert();

COMMIT;

BEGIN;

SET LOCAL lock_timeout = '400ms';

SET LOCAL statement_timeout = 0;

CREATE OR REPLACE TRIGGER generations_number_before_insert
    BEFORE INSERT ON public.generations
    FOR EACH ROW
    EXECUTE FUNCTION public.generations_number_before_insert();

COMMIT;

BEGIN;

DO $$
BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_attribute AS a
         WHERE NOT a.attisdropped
           AND (a.attrelid = 'public.generations'::regclass AND a.attname IN (
                    'version', 'version_name', 'is_active', 'storage_path',
                    'file_count', 'total_size_bytes', 'diff_from_previous', 'changes_summary')
                OR a.attrelid = 'public.projects'::regclass AND a.attname IN ('latest_version', 'active_generation_id'))
       ) <> 10
    OR (SELECT count(*) FROM pg_catalog.pg_attribute AS a
         WHERE a.attnotnull AND a.atthasdef
           AND (a.attrelid = 'public.generations'::regclass AND a.attname IN ('version', 'is_active', 'file_count')
                OR a.attrelid = 'public.projects'::regclass AND a.attname = 'latest_version')
       ) <> 4
    OR (SELECT count(DISTINCT n.columns)
          FROM (VALUES ('public.generations', 'project_id created_at id'),
                       ('public.projects', 'created_at id'),
                       ('public.projects', 'active_generation_id')) AS n (table_name, columns)
          JOIN pg_catalog.pg_index AS i ON i.indrelid = to_regclass(n.table_name) AND i.indisvalid
         WHERE n.columns = (
               SELECT string_agg(a.attname, ' ' ORDER BY k.place)
                 FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
       ) <> 3
    OR NOT coalesce((
        SELECT bool_and(k.convalidated AND k.confdeltype = 'n' AND k.confrelid = 'public.generations'::regclass)
          FROM pg_catalog.pg_constraint AS k
          JOIN pg_catalog.pg_attribute AS c ON c.attrelid = k.conrelid AND c.attname = 'active_generation_id'
         WHERE k.conrelid = 'public.projects'::regclass AND k.contype = 'f' AND k.conkey = ARRAY[c.attnum]
       ), false)
    OR (SELECT count(*) FROM pg_catalog.pg_trigger AS t
         WHERE t.tgenabled IN ('O', 'A')
           AND (t.tgrelid = 'public.generations'::regclass AND t.tgname IN (
                    'generations_number_before_insert', 'generations_activate_after_insert',
                    'generations_activate_after_update', 'generations_renumber_before_move',
                    'generations_raise_after_insert')
                OR t.tgrelid = 'public.projects'::regclass AND t.tgname IN (
                    'projects_latest_version_before_update', 'projects_reserve_before_update',
                    'projects_reserve_after_insert'))
       ) <> 8
    THEN
        RAISE EXCEPTION 'revision 39e7f45c72f1 is not complete'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run it again: it goes on where it stopped.';
    END IF;
END
$$;

UPDATE alembic_version SET version_num='39e7f45c72f1' WHERE alembic_version.version_num = 'e011ab9dd223';

COMMIT;

