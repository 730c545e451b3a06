"""What a definition of calls relies on: columns, an index to walk along, rights."""

from __future__ import annotations

from typing import Any

from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.calls.keeping import kept
from backfill.definitions.calls.spec import Spec
from backfill.definitions.tables import columns_in
from backfill.definitions.walk.needs import column_need, rights_to_read
from backfill.sql.needs import Needs
from backfill.sql.privileges import Right, Rights


def needs_of(spec: Spec) -> Needs:
    columns = (*spec.reads.values(), *spec.writes.values(), *columns_in(_expressions(spec)))
    more = [column for column in dict.fromkeys(columns) if column not in spec.walk.key]
    return Needs(
        columns=(*spec.walk.column_needs, *map(column_need, more)),
        indexes=spec.walk.index_needs,
        triggers=kept(spec).needs,
    )


def rights_of(spec: Spec) -> Rights:
    table = spec.walk.name
    read = (*spec.walk.key, *spec.reads.values(), *spec.writes.values(), *columns_in(_expressions(spec)))
    writes = tuple(column.name for column in spec.writes.values())
    updated = (Right(privilege="UPDATE", table=table.name, columns=writes, schema=table.schema),) if writes else ()
    return Rights(
        reading=rights_to_read(read),
        writing=updated,
        inserts_into=table.name,
        trigger_functions=kept(spec).functions,
        schema=table.schema,
    )


def _expressions(spec: Spec) -> list[ColumnElement[Any]]:
    return [one for one in (spec.todo, spec.where, spec.check) if one is not None]
