-- The same from PostgreSQL 17 on, where they have a view of their own.
SELECT num_timed AS timed, num_requested AS requested FROM pg_catalog.pg_stat_checkpointer
