"""The columns of the files, and what is said of them in SQL."""

from __future__ import annotations

from sqlalchemy import Text, and_, cast, false, func, literal, or_
from sqlalchemy.sql.elements import ColumnElement

from worker.schema.models import generations

ROWS = generations.c
# Others are written to by the application, which has not finished their files yet.
AT_REST = ("completed", "failed")


def is_concerned() -> ColumnElement[bool]:
    """It has its final version, and its files are written."""
    return and_(ROWS.storage_path.is_not(None), ROWS.version >= 1, ROWS.status.in_(AT_REST))


def own_path(written_root: str) -> ColumnElement[str]:
    """The folder of the row's project and version, as `storage_path` has it."""
    return func.concat(
        literal(f"{written_root}/", Text),
        ROWS.project_id,
        literal("/generations/v", Text),
        cast(ROWS.version, Text),
        literal("__", Text),
        ROWS.id,
        type_=Text,
    )


def is_brought(written_root: str) -> ColumnElement[bool]:
    return func.coalesce(ROWS.storage_path == own_path(written_root), false())


def has_sizes(written_root: str) -> ColumnElement[bool]:
    """Of a row that was brought over: with the path came the sizes."""
    return or_(~is_brought(written_root), and_(ROWS.file_count >= 0, ROWS.total_size_bytes.is_not(None)))
