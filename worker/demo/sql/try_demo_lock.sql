-- Held for as long as the demo lasts: a second one would empty the database under the first.
SELECT pg_try_advisory_lock(hashtextextended('backfill demo', 0))
