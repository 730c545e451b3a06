"""What a definition of calls relies on: columns, an index to walk along, rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.calls.keeping import kept
from backfill.definitions.calls.spec import Spec
from backfill.definitions.tables import columns_in
from backfill.sql.needs import ColumnNeed, Needs
from backfill.sql.privileges import Right, Rights
from backfill.sql.tables import PUBLIC


def needs_of(spec: Spec) -> Needs:
    columns = (*spec.reads.values(), *spec.writes.values(), *columns_in(_expressions(spec)))
    named = {need.name: need for need in spec.walk.column_needs}
    own = [
        _need(column) for column in dict.fromkeys(columns) if column.table is not spec.table or column.name not in named
    ]
    columns_needed = (*named.values(), *own)
    return Needs(columns=columns_needed, indexes=spec.walk.index_needs, triggers=kept(spec).needs)


def rights_of(spec: Spec) -> Rights:
    table = spec.walk.name
    read = (*spec.walk.key, *spec.reads.values(), *spec.writes.values(), *columns_in(_expressions(spec)))
    writes = tuple(column.name for column in spec.writes.values())
    updated = (Right(privilege="UPDATE", table=table.name, columns=writes, schema=table.schema),) if writes else ()
    return Rights(
        reading=tuple(_selects(read)),
        writing=updated,
        inserts_into=table.name,
        trigger_functions=kept(spec).functions,
        schema=table.schema,
    )


def _expressions(spec: Spec) -> list[ColumnElement[Any]]:
    return [one for one in (spec.todo, spec.where, spec.check) if one is not None]


def _need(column: Column[Any]) -> ColumnNeed:
    return ColumnNeed(table=column.table.name, schema=column.table.schema or PUBLIC, name=column.name, is_read=True)


def _selects(columns: Iterable[Column[Any]]) -> Iterable[Right]:
    by_table: dict[tuple[str, str], dict[str, None]] = {}
    for column in columns:
        place = (column.table.schema or PUBLIC, column.table.name)
        by_table.setdefault(place, {})[column.name] = None
    for (schema, name), names in by_table.items():
        yield Right(privilege="SELECT", table=name, columns=tuple(names), schema=schema)
