-- CREATE OR REPLACE TRIGGER is there since PostgreSQL 14 only. The same one is left alone, as its comment tells: dropping
-- it takes a lock that readers wait for.
DO $backfill$
BEGIN
    IF obj_description((SELECT t.oid FROM pg_catalog.pg_trigger AS t
                        WHERE t.tgrelid = CAST({table_name} AS regclass) AND t.tgname = {trigger_name}),
                       'pg_trigger') = {mark} THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
               WHERE t.tgrelid = CAST({table_name} AS regclass) AND t.tgname = {trigger_name}) THEN
        DROP TRIGGER {trigger} ON {table};
    END IF;
    CREATE TRIGGER {trigger} {event} EXECUTE FUNCTION {function}();
    COMMENT ON TRIGGER {trigger} ON {table} IS {mark};
END
$backfill$
