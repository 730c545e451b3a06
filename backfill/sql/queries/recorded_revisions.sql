-- What Alembic has recorded: nothing, one revision, or several where the application's chain has branches.
SELECT version_num FROM public.alembic_version ORDER BY version_num
