-- At the head of the offline script, for the session that runs it, as set_migration does it for each transaction.
SELECT set_config('search_path', concat_ws(', ', 'public', nullif(current_setting('search_path'), '')), false),
       set_config('row_security', 'off', false)
