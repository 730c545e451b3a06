"""Operations for revisions that hold up nobody: `op.online_add_column` and its kin; imported, they are registered."""

from backfill.alembic.directives import columns, constraints, indexes, renaming, retyping, triggers

__all__ = ["columns", "constraints", "indexes", "renaming", "retyping", "triggers"]
