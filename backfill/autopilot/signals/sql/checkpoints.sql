-- Checkpoints by the clock, and those that WAL forced before their time; up to PostgreSQL 16. Everybody may read the view.
SELECT checkpoints_timed AS timed, checkpoints_req AS requested FROM pg_catalog.pg_stat_bgwriter
