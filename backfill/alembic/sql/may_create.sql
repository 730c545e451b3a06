-- Since PostgreSQL 15 schema public belongs to the owner of the database, and nobody else may create anything in it.
SELECT current_user::text AS role, coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), true) AS may_create
