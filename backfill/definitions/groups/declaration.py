"""What an author's class says, validated: which units, which rows of them, and where the SQL stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, FromClause, Table, and_
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.keepers.keeper import Kept
from backfill.definitions.tables import columns_in
from backfill.definitions.walk import Walk
from backfill.definitions.walk.keys import among, as_text
from backfill.runs.findings import Rule
from backfill.sql.folder import SqlFolder
from backfill.sql.needs import ColumnNeed, IndexNeed, Needs
from backfill.sql.privileges import Right, Rights
from backfill.sql.tables import PUBLIC, TableName

SCHEMA_RULES = (
    Rule(slug="columns", title="The columns are there", on_schema=True),
    Rule(slug="indexes", title="The indexes that units and rows are found by are there and valid", on_schema=True),
)
KEEPER_RULE = Rule(slug="triggers", title="What keeps rows right is there and enabled", on_schema=True)
STATISTICS_RULE = Rule(
    slug="statistics", title="The planner does not take a large table for empty", is_error=False, on_schema=True
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declaration:
    """`walk` is over the units. `keys` are columns of the rows, in the order of the units' identity; `todo` is true for
    a row that is left to do."""

    spoken: str
    name: str
    about: str
    walk: Walk
    rows: Walk
    keys: tuple[Column[Any], ...]
    index: IndexNeed | None
    writes: tuple[Column[Any], ...]
    reads: tuple[Column[Any], ...]
    todo: ColumnElement[bool]
    folder: SqlFolder
    data_rules: tuple[Rule, ...]
    kept: Kept

    @property
    def rows_table(self) -> Table:
        return self.rows.table

    @property
    def rules(self) -> tuple[Rule, ...]:
        keeper = (KEEPER_RULE,) if self.kept.needs else ()
        return (*SCHEMA_RULES, *keeper, STATISTICS_RULE, *self.data_rules)

    @property
    def tables(self) -> tuple[TableName, TableName]:
        return self.walk.name, self.rows.name

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.writes if column.table is self.rows_table)

    def of_units(self, unit_ids: Sequence[str]) -> ColumnElement[bool]:
        """Whether a row is one of these units'."""
        return among(self.keys, unit_ids)

    def of_unit_in(self, units: FromClause, columns: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
        """Whether a row is of the unit whose identity these columns are."""
        return and_(*(key == column for key, column in zip(self.keys, columns, strict=True)))

    def id_parts(self) -> list[ColumnElement[str]]:
        return [as_text(column).label(f"p{place}") for place, column in enumerate(self.keys)]

    def needs(self) -> Needs:
        named = {(need.table, need.name) for need in self.walk.column_needs}
        columns = [column for column in self._columns() if (column.table.name, column.name) not in named]
        return Needs(
            columns=(*self.walk.column_needs, *map(_need, columns)),
            indexes=(*self.walk.index_needs, *((self.index,) if self.index else ())),
            triggers=self.kept.needs,
        )

    def rights(self) -> Rights:
        """A lock on a unit wants the right to UPDATE any one of its columns."""
        units, rows = self.tables
        of_units = [column.name for column in self.writes if column.table is self.walk.table]
        of_units = of_units or [self.walk.identity[0].name]
        return Rights(
            reading=tuple(_selects((*self.walk.key, *self._columns()))),
            writing=(
                Right(privilege="UPDATE", table=units.name, schema=units.schema, columns=tuple(of_units)),
                Right(privilege="UPDATE", table=rows.name, schema=rows.schema, columns=self.written),
            ),
            inserts_into=rows.name,
            schema=rows.schema,
            trigger_functions=self.kept.functions,
        )

    def _columns(self) -> tuple[Column[Any], ...]:
        return tuple(dict.fromkeys((*self.keys, *self.writes, *self.reads, *columns_in([self.todo]))))


def _need(column: Column[Any]) -> ColumnNeed:
    table = _name(column)
    return ColumnNeed(table=table.name, schema=table.schema, name=column.name, is_read=True)


def _selects(columns: Sequence[Column[Any]]) -> list[Right]:
    by_table: dict[TableName, dict[str, None]] = {}
    for column in columns:
        by_table.setdefault(_name(column), {})[column.name] = None
    return [
        Right(privilege="SELECT", table=table.name, schema=table.schema, columns=tuple(names))
        for table, names in by_table.items()
    ]


def _name(column: Column[Any]) -> TableName:
    return TableName(name=column.table.name, schema=column.table.schema or PUBLIC)
