"""Columns: what is right for each row is said by SQLAlchemy expressions, and everything else follows from them."""

from backfill.definitions.columns.columns import Columns

__all__ = ["Columns"]
