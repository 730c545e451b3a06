-- In a script the data is asked like this; online, page by page.
DO $online$
BEGIN
    IF EXISTS ({wrong}) THEN
        RAISE EXCEPTION USING MESSAGE = {refusal};
    END IF;
END
$online$
