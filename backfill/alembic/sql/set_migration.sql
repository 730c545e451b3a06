-- What a transaction of a migration relies on, whatever was set for the role or the database. New tables, and Alembic's own,
-- belong into public; behind it stays what was there, so that a table of Alembic's that was made elsewhere is found again.
-- Nothing ends a step but the limits that it sets itself. transaction_timeout is there since PostgreSQL 17.
SELECT set_config('search_path', concat_ws(', ', 'public', nullif(current_setting('search_path'), '')), true),
       set_config('row_security', 'off', true),
       set_config('statement_timeout', '0', true),
       set_config('lock_timeout', '0', true),
       set_config('idle_in_transaction_session_timeout', '0', true),
       CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
            THEN set_config('transaction_timeout', '0', true) END
