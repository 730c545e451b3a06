"""What a set-based backfill relies on: derived from its expressions, and from whoever keeps its rows right."""

from __future__ import annotations

from sqlalchemy import Column

from backfill.definitions.columns.declaration import Declaration
from backfill.definitions.keepers import Kept, kept_by
from backfill.definitions.tables import columns_in, tables_in
from backfill.definitions.walk.needs import column_need, name_of_table, rights_to_read
from backfill.runs.findings import Rule
from backfill.sql.needs import Needs
from backfill.sql.privileges import Right, Rights
from backfill.sql.tables import TableName

DIFFERS = "differs"


def tables_of(declaration: Declaration) -> tuple[TableName, ...]:
    """Its own first, then those that its expressions read."""
    others = tables_in(declaration.expressions)
    return tuple(dict.fromkeys(map(name_of_table, (declaration.table, *others))))


def needs_of(declaration: Declaration) -> Needs:
    walk = declaration.walk
    keyed = set(walk.key)
    more = [column for column in _columns(declaration) if column not in keyed]
    return Needs(
        columns=(*walk.column_needs, *(column_need(column) for column in more)),
        indexes=walk.index_needs,
        triggers=kept_by(declaration).needs,
    )


def rights_of(declaration: Declaration) -> Rights:
    table, kept = name_of_table(declaration.table), kept_by(declaration)
    return Rights(
        reading=rights_to_read([*declaration.walk.key, *_columns(declaration)]),
        writing=(
            Right(privilege="UPDATE", table=table.name, schema=table.schema, columns=declaration.written),
            # A preview counts the pages that a batch writes.
            Right(privilege="SELECT", table=table.name, schema=table.schema, columns=("ctid",)),
        ),
        inserts_into=table.name,
        schema=table.schema,
        trigger_functions=kept.functions,
        triggers=_rights_of_functions(declaration, kept),
    )


def rules_of(declaration: Declaration) -> tuple[Rule, ...]:
    written = ", ".join(declaration.written)
    right = "is right" if declaration.check is not None else "is what the definition makes of the row"
    keeper = (Rule(slug="triggers", title="What keeps rows right is there and enabled", on_schema=True),)
    return (
        Rule(slug="columns", title="The columns are there", on_schema=True),
        Rule(slug="indexes", title="The indexes that the walk follows are there and valid", on_schema=True),
        *(keeper if kept_by(declaration).needs else ()),
        Rule(
            slug="statistics", title="The planner does not take a large table for empty", is_error=False, on_schema=True
        ),
        Rule(slug=DIFFERS, title=f"In every row {written} {right}"),
    )


def _columns(declaration: Declaration) -> tuple[Column[object], ...]:
    written = tuple(setting.column for setting in declaration.settings)
    return tuple(dict.fromkeys((*written, *columns_in(declaration.expressions))))


def _rights_of_functions(declaration: Declaration, kept: Kept) -> tuple[Right, ...]:
    """Functions that work on the new row alone need none."""
    if not kept.reads_tables:
        return ()
    table = name_of_table(declaration.table)
    identity = declaration.walk.identity
    return (
        *rights_to_read([*identity, *declaration.inputs]),
        Right(privilege="UPDATE", table=table.name, schema=table.schema, columns=declaration.written),
    )
