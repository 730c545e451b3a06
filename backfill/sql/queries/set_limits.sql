-- What a transaction relies on, in a statement before the ones it bounds, whatever was set for the role or the database.
-- Settings of the transaction and not of the session, because behind PgBouncer the next transaction may meet another
-- session. A policy of row-level security that applies is refused by the server instead of leaving rows out.
-- transaction_timeout is there since PostgreSQL 17, and ends what the other limits pass over: the transaction of a worker
-- that was frozen between a statement's Parse and its Bind, which is neither idle nor running. One that runs already is
-- stopped first, because a new value does not move it. Sequential scans are out of the question in a batch, whatever stale
-- statistics say, JIT costs more than the batch, and so does sorting it on disk.
-- By backfill.settles a sync trigger knows that it is the backfill that writes, and not the application.
SELECT set_config('lock_timeout', CAST(:lock_timeout AS text), true),
       set_config('statement_timeout', CAST(:statement_timeout AS text), true),
       set_config('idle_in_transaction_session_timeout', CAST(:idle_timeout AS text), true),
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', true)
                 || set_config('transaction_timeout', CAST(:transaction_timeout AS text), true) END,
       set_config('row_security', 'off', true),
       CASE WHEN pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('4MB')
            THEN set_config('work_mem', '4MB', true) END,
       set_config('enable_seqscan', 'off', true),
       set_config('jit', 'off', true),
       set_config('DateStyle', 'ISO', true),
       set_config('TimeZone', 'UTC', true),
       set_config('backfill.settles', 'on', true)
