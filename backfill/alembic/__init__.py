"""Schema changes with short locks, for Alembic: imported in an env.py, or in a revision by
`from backfill.alembic import op`, it adds directives to Alembic's operations."""

from backfill.alembic import directives

__all__ = ["directives"]
