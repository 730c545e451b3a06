-- For a script, which cannot ask first: an index that an interrupted CONCURRENTLY left invalid would make IF NOT EXISTS
-- pass over it. CONCURRENTLY is not possible in a block, so this takes a short lock, and only if needed.
DO $online$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_index AS i WHERE i.indexrelid = to_regclass({index_text}) AND NOT i.indisvalid
    ) THEN
        DROP INDEX {index};
    END IF;
END
$online$
