"""What there is in the schema, as the catalog has it, and whether it serves a need."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backfill.sql.needs import ColumnNeed, IndexNeed, KeyNeed, TriggerNeed
from backfill.sql.tables import PUBLIC, TableName

_SIZED_TEXT = re.compile(r"character varying\((\d+)\)")
# Types that take whatever the needed one takes. A later revision may have widened a column.
_WIDER = {"integer": {"bigint"}, "json": {"jsonb"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundColumn:
    table: str
    name: str
    type: str
    not_null: bool
    default: str | None
    schema: str = PUBLIC

    def is_for(self, need: ColumnNeed) -> bool:
        return (self.schema, self.table, self.name) == (need.schema, need.table, need.name)

    def has_type_for(self, need: ColumnNeed) -> bool:
        if need.type is None:
            return True
        wanted, here = _SIZED_TEXT.fullmatch(need.type), _SIZED_TEXT.fullmatch(self.type)
        if wanted and here:
            return int(here[1]) >= int(wanted[1])
        if wanted:
            return self.type in {"text", "character varying"}
        return self.type == need.type or self.type in _WIDER.get(need.type, set())

    def has_default(self, default: str) -> bool:
        """Spelled '1'::bigint it is 1 all the same."""
        return (self.default or "").partition("::")[0].strip("'") == default


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIndex:
    """`plain`: a b-tree of whole columns in ascending order, compared as the columns are themselves."""

    table: str
    name: str
    columns: tuple[str | None, ...]
    plain: bool
    where: str | None
    valid: bool
    unique: bool = False
    schema: str = PUBLIC

    def is_like(self, need: IndexNeed) -> bool:
        """Whether it would serve once it is valid. One of all rows serves where one of some is needed."""
        return (
            (self.schema, self.table) == (need.schema, need.table)
            and self.plain
            and self.columns == need.columns
            and (self.unique or not need.is_unique)
            and (self.where is None or (need.where is not None and self.where.strip("()") == need.where.strip("()")))
        )

    def serves(self, need: IndexNeed) -> bool:
        return self.valid and self.is_like(need)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    table: str
    name: str
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    on_delete: str
    validated: bool
    enforced: bool
    schema: str = PUBLIC

    def is_of(self, need: KeyNeed) -> bool:
        return (self.schema, self.table) == (need.schema, need.table) and self.columns == (need.column,)

    def does_what_is_needed(self, need: KeyNeed) -> bool:
        """Whether it would serve once it is validated."""
        return (
            self.is_of(need)
            and self.to_table == need.to_table
            and self.to_columns == (need.to_column,)
            and self.on_delete == need.on_delete
            and self.enforced
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTrigger:
    """`body` is that of its function."""

    table: str
    name: str
    function: str
    enabled: bool
    schema: str = PUBLIC
    body: str = ""

    def is_for(self, need: TriggerNeed) -> bool:
        return (self.schema, self.table, self.name) == (need.schema, need.table, need.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What `alembic_version` says; `revisions` None where this role may not read it."""

    has_table: bool
    revisions: tuple[str, ...] | None

    @property
    def is_empty(self) -> bool:
        return not self.has_table or self.revisions == ()

    def __str__(self) -> str:
        if not self.has_table:
            return "there is no table alembic_version"
        if self.revisions is None:
            return "alembic_version may not be read"
        return f"alembic_version says {', '.join(self.revisions)}" if self.revisions else "alembic_version is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Something that no backfill can walk over; `what` it is instead of a table."""

    table: TableName
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The tables that were asked about, as far as they are there."""

    columns: tuple[FoundColumn, ...]
    indexes: tuple[FoundIndex, ...]
    keys: tuple[FoundKey, ...]
    triggers: tuple[FoundTrigger, ...]
    recorded: Recorded
    unfit: tuple[Unfit, ...] = ()

    @property
    def tables(self) -> frozenset[TableName]:
        return frozenset(TableName(name=column.table, schema=column.schema) for column in self.columns)
