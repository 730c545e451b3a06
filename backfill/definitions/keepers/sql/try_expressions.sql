-- The body of a function is looked at when it is called, which would be in the application's next INSERT. What the
-- expressions name is looked for here, with the search_path of the function, and no row is read.
DO $backfill$
DECLARE
    before text := current_setting('search_path');
BEGIN
    PERFORM set_config('search_path', {search_path}, true);
    PERFORM FROM ({select}) AS tried;
    PERFORM set_config('search_path', before, true);
END
$backfill$
