"""Schema changes with short locks, for Alembic."""
