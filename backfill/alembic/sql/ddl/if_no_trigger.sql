-- For a script, which cannot ask first: CREATE TRIGGER knows no IF NOT EXISTS.
DO $online$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = CAST({table_text} AS regclass) AND t.tgname = {name_text}
    ) THEN
        {statement};
    END IF;
END
$online$
