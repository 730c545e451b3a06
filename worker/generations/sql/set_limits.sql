-- Limits of one transaction, in a statement before the ones they bound. Settings of the transaction and not of the
-- session, because behind PgBouncer the next transaction may meet another session. Sequential scans are out of the
-- question in a batch, whatever stale statistics say, and JIT costs more than the batch.
SELECT set_config('lock_timeout', CAST(:lock_timeout AS text), true),
       set_config('statement_timeout', CAST(:statement_timeout AS text), true),
       set_config('idle_in_transaction_session_timeout', CAST(:idle_timeout AS text), true),
       set_config('enable_seqscan', 'off', true),
       set_config('jit', 'off', true),
       set_config('DateStyle', 'ISO', true),
       set_config('TimeZone', 'UTC', true)
