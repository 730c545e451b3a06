-- Whether ages of other roles' transactions can be seen; without, an old one would look like none.
SELECT CAST(current_user AS text) AS role, pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all
