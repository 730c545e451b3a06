-- By this the next demo knows that what it finds is not somebody's data.
COMMENT ON SCHEMA public IS 'left by backfill demo'
