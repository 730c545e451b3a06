-- Tried again and again instead of waited for: a session that waits holds a snapshot, and the other one's
-- CREATE INDEX CONCURRENTLY would wait for that, for ever. The number is arbitrary, but always the same.
SELECT pg_try_advisory_lock(3920457212);
