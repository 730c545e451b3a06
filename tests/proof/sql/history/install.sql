-- A passive history of what happened to numbers, places and active generations: rows are added by AFTER triggers that
-- lock nothing and change nothing, so the application and the backfill meet each other exactly as without it. The names
-- of the triggers sort last: a line is written when the sync triggers are through, hence under the lock of the project
-- they took, so that `seq` orders what happened in a project as its lock did. A sequence goes on after a rollback and
-- a crash, with gaps. All in one transaction with a copy of the state from which the history begins.
CREATE SCHEMA history;

CREATE TABLE history.events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    what text NOT NULL,
    application text NOT NULL DEFAULT current_setting('application_name'),
    -- 1: by the statement itself; more: by a trigger that it set off.
    depth integer NOT NULL,
    project_id text,
    generation_id text,
    created_at timestamptz,
    status text,
    status_before text,
    version integer,
    version_before integer,
    storage_path text,
    storage_path_before text,
    project_before text,
    latest_version integer,
    latest_before integer,
    -- By an insert of the next release; its version_name says it.
    asked integer,
    active_id text,
    active_before text
);

CREATE FUNCTION history.note_project() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    -- What the new active generation is at this moment, as this transaction sees it.
    INSERT INTO history.events (what, depth, project_id, latest_version, latest_before, active_id, active_before,
                                generation_id, created_at, status, project_before)
    SELECT 'project', pg_trigger_depth(), NEW.id, NEW.latest_version, coalesce(OLD.latest_version, 0), NEW.active_generation_id,
           OLD.active_generation_id, g.id, g.created_at, g.status, g.project_id
      FROM (SELECT NEW.active_generation_id AS id) AS wanted
      LEFT JOIN public.generations AS g ON g.id = wanted.id;
    RETURN NULL;
END
$function$;

CREATE FUNCTION history.note_generation() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO history.events (what, depth, project_id, generation_id, created_at, status, version, storage_path,
                                    asked)
        VALUES ('insert', pg_trigger_depth(), NEW.project_id, NEW.id, NEW.created_at, NEW.status, NEW.version,
                NEW.storage_path, CAST(substring(NEW.version_name FROM '^v([0-9]+)$') AS integer));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO history.events (what, depth, project_id, generation_id, created_at, status, version, storage_path)
        VALUES ('delete', pg_trigger_depth(), OLD.project_id, OLD.id, OLD.created_at, OLD.status, OLD.version,
                OLD.storage_path);
    ELSE
        INSERT INTO history.events (what, depth, project_id, generation_id, created_at, status, status_before, version,
                                    version_before, storage_path, storage_path_before, project_before)
        VALUES ('update', pg_trigger_depth(), NEW.project_id, NEW.id, NEW.created_at, NEW.status, OLD.status,
                NEW.version, OLD.version, NEW.storage_path, OLD.storage_path, OLD.project_id);
    END IF;
    RETURN NULL;
END
$function$;

-- In the order in which writers of generations come to the two tables.
LOCK TABLE public.generations, public.projects IN SHARE ROW EXCLUSIVE MODE;

CREATE TRIGGER zz_history_of_changes
    AFTER UPDATE ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version IS DISTINCT FROM OLD.latest_version
          OR NEW.active_generation_id IS DISTINCT FROM OLD.active_generation_id)
    EXECUTE FUNCTION history.note_project();

CREATE TRIGGER zz_history_of_rows
    AFTER INSERT ON public.projects
    FOR EACH ROW
    WHEN (NEW.latest_version > 0)
    EXECUTE FUNCTION history.note_project();

CREATE TRIGGER zz_history_of_rows
    AFTER INSERT OR DELETE ON public.generations
    FOR EACH ROW
    EXECUTE FUNCTION history.note_generation();

CREATE TRIGGER zz_history_of_changes
    AFTER UPDATE ON public.generations
    FOR EACH ROW
    WHEN (NEW.version IS DISTINCT FROM OLD.version
          OR NEW.storage_path IS DISTINCT FROM OLD.storage_path
          OR NEW.status IS DISTINCT FROM OLD.status
          OR NEW.project_id IS DISTINCT FROM OLD.project_id)
    EXECUTE FUNCTION history.note_generation();

CREATE TABLE history.projects AS
SELECT id, latest_version, active_generation_id FROM public.projects;

CREATE TABLE history.generations AS
SELECT id, project_id, created_at, status, version, storage_path FROM public.generations;
