-- As a number, 170002: some views have moved.
SELECT CAST(current_setting('server_version_num') AS int) AS number
