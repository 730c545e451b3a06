-- The state in which a table is after the autovacuum of a quiet night; without it the first to read a row pays for it.
VACUUM (ANALYZE)
