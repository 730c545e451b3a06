-- The steps of a migration that cannot be in a transaction, in a session that is the migration's alone. The driver has set
-- the other limits already; this one is there since PostgreSQL 17.
SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) IS NOT NULL
