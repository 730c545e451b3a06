-- For a script, which cannot ask first: ADD CONSTRAINT knows no IF NOT EXISTS.
DO $online$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = CAST({table_text} AS regclass) AND k.conname = {name_text}
    ) THEN
        {statement};
    END IF;
END
$online$
