-- What of the server matters to a run. `sees_all`: without this role, columns of other roles' sessions are NULL, which
-- must not be read as "nothing there". `archiving_fails`: the last attempt failed; NULL where nothing is archived.
SELECT current_setting('server_version') AS version,
       CAST(current_user AS text) AS role,
       pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all,
       CASE WHEN current_setting('archive_mode') <> 'off'
            THEN coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) END AS archiving_fails
FROM pg_catalog.pg_stat_archiver AS a
