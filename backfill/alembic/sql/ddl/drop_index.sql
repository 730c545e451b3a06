-- Waits for those who use it, and holds up nobody meanwhile.
DROP INDEX CONCURRENTLY IF EXISTS {index}
