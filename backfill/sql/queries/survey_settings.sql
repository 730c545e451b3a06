-- Settings that decide how much WAL there is, where it goes, and when dead rows are cleaned up; with their units.
SELECT name, pg_catalog.current_setting(name) AS value
FROM pg_catalog.pg_settings
WHERE name IN ('wal_level', 'max_wal_size', 'max_slot_wal_keep_size', 'checkpoint_timeout', 'full_page_writes',
               'synchronous_commit', 'synchronous_standby_names', 'archive_mode', 'autovacuum')
ORDER BY name
