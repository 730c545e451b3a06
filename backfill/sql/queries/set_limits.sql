-- What a transaction relies on, in the message that begins it, whatever was set for the role or the database.
-- Settings of the transaction and not of the session, because behind PgBouncer the next transaction may meet another
-- session. Each is a statement by itself, which the server need not plan. A policy of row-level security that applies is
-- refused by the server instead of leaving rows out. Sequential scans are out of the question in a batch, whatever stale
-- statistics say, JIT costs more than the batch, and so does sorting it on disk.
-- By backfill.settles a sync trigger knows that it is the backfill that writes, and not the application.
SET LOCAL lock_timeout = :lock_timeout;
SET LOCAL statement_timeout = :statement_timeout;
SET LOCAL idle_in_transaction_session_timeout = :idle_timeout;
SET LOCAL row_security = off;
SELECT set_config('work_mem', '4MB', true) WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('4MB');
SET LOCAL enable_seqscan = off;
SET LOCAL jit = off;
SET LOCAL DateStyle = 'ISO';
SET LOCAL TimeZone = 'UTC';
SET LOCAL backfill.settles = 'on'
