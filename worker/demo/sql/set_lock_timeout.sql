-- For this transaction: a session that holds the tables is somebody to be told about, not to be waited for.
SELECT set_config('lock_timeout', '5s', true)
