"""What a backfill needs of the schema, as data: its author declares it, and the checks know no table of their own.

Needs are about what an object does and not about what it is called. An index under another name serves as well, a later
revision may have renamed a key or widened a type, and the recorded revision says nothing about any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from backfill.sql.tables import PUBLIC, TableName


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNeed:
    """`type` and `default` as PostgreSQL spells them; no `type`: any will do.

    `is_read`: without it the data cannot even be looked at.
    """

    table: str
    name: str
    type: str | None = None
    not_null: bool = False
    default: str | None = None
    is_read: bool = False
    schema: str = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexNeed:
    """A plain b-tree on these columns in this order; `where` as PostgreSQL spells it, one without it serves as well.

    `is_unique`: no two rows may have the same values.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    where: str | None = None
    is_unique: bool = False
    schema: str = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNeed:
    """A validated foreign key of one column, to a table of the same schema. `on_delete` in PostgreSQL's words, such as
    SET NULL."""

    name: str
    table: str
    column: str
    to_table: str
    to_column: str
    on_delete: str
    schema: str = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNeed:
    """A trigger that calls `function`, of the same schema, and fires in ordinary sessions.

    `fingerprint`, where there is one, is a mark in the function's body: another one is of another version of it.
    `remedy` says how it comes to be, where it is not a revision's.
    """

    name: str
    table: str
    function: str | None
    schema: str = PUBLIC
    fingerprint: str | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The Alembic revision that brings a schema to what is needed, and the one before it.

    `adds` is a table and a column of it that the revision adds: whoever has it has begun, by whatever revision.
    """

    id: str
    before: str
    adds: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """`revision` is None where no revision of Alembic brings the schema there."""

    revision: Revision | None = None
    columns: tuple[ColumnNeed, ...] = ()
    indexes: tuple[IndexNeed, ...] = ()
    keys: tuple[KeyNeed, ...] = ()
    triggers: tuple[TriggerNeed, ...] = ()

    @property
    def tables(self) -> tuple[TableName, ...]:
        needs: list[ColumnNeed | IndexNeed | KeyNeed | TriggerNeed]
        needs = [*self.columns, *self.indexes, *self.keys, *self.triggers]
        return tuple(dict.fromkeys(TableName(name=need.table, schema=need.schema) for need in needs))
