-- The rows of `generations` set to constants, as floor_generations.sql does, so many pages to a commit and so many rows a
-- second: the server by itself, with no client that has anything to do. No block of code takes parameters.
DO $$
DECLARE
    page integer := 0;
    pages integer := pg_relation_size('generations') / current_setting('block_size')::integer;
    began timestamptz := clock_timestamp();
    written bigint := 0;
    found bigint;
BEGIN
    WHILE page < pages LOOP
        UPDATE generations
        SET version = 1, storage_path = './storage/projects/00000000-0000-0000-0000-000000000000', is_active = false
        WHERE ctid >= format('(%s,0)', page)::tid
          AND ctid < format('(%s,0)', least(page + {pages}, pages))::tid
          AND storage_path IS NULL;
        GET DIAGNOSTICS found = ROW_COUNT;
        COMMIT;
        written := written + found;
        page := page + {pages};
        PERFORM pg_sleep(greatest(written / {rows_per_second} - extract(epoch FROM clock_timestamp() - began), 0));
    END LOOP;
END $$
