"""Schema changes with short locks, for Alembic: imported in an env.py, or in a revision by
`from backfill.alembic import op`, it adds directives to Alembic's operations, and checks to the others."""

from backfill.alembic import checks, directives, gate

__all__ = ["checks", "directives", "gate"]
