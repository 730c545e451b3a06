-- Whether the last attempt to archive failed, and which segment was the last that did not; everybody may read the view. The
-- folder of what waits wants pg_monitor, the difference of two names does not.
SELECT current_setting('archive_mode') <> 'off' AS archives,
       coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) AS fails,
       CAST(last_archived_wal AS text) AS archived,
       pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) AS written,
       CAST(pg_catalog.pg_size_bytes(current_setting('wal_segment_size')) AS bigint) AS segment_bytes
FROM pg_catalog.pg_stat_archiver
