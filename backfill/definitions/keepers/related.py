"""Triggers on the other tables that a definition's subqueries read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, update

from backfill.definitions.keepers.relation import Relation, relations
from backfill.definitions.keepers.writing import (
    DEFINERS_RIGHTS,
    Function,
    Trigger,
    function,
    identifier,
    named,
    quoted,
    text_literal,
)
from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.tables import has_subquery
from backfill.sql.built import render

if TYPE_CHECKING:
    from backfill.definitions.columns.declaration import Declaration

# With the names that sql/related_function.sql has for the rows.
_EVENTS = {
    "insert": "AFTER INSERT ON {} REFERENCING NEW TABLE AS backfill_changed",
    "update": "AFTER UPDATE ON {} REFERENCING OLD TABLE AS backfill_before NEW TABLE AS backfill_after",
    "delete": "AFTER DELETE ON {} REFERENCING OLD TABLE AS backfill_changed",
    "truncate": "AFTER TRUNCATE ON {}",
}


def related(declaration: Declaration) -> tuple[Sequence[Function], Sequence[Trigger]]:
    """None where rows are right by themselves. Raises AuthorsMistake where they do not follow from the subqueries."""
    functions, triggers = [], []
    for relation in _relations(declaration):
        made = _function(declaration, relation)
        functions.append(made)
        for name, event in _EVENTS.items():
            triggers.append(
                Trigger(
                    name=identifier(declaration.name.replace("-", "_"), name),
                    table=relation.child,
                    event=f"{event.format(named(relation.child))} FOR EACH STATEMENT",
                    function=made,
                )
            )
    return functions, triggers


def _relations(declaration: Declaration) -> Sequence[Relation]:
    if declaration.where is not None and has_subquery(declaration.where):
        what = "it reads other rows, so that no trigger follows: declare kept_by = SyncTrigger(name=..., table=...)"
        raise AuthorsMistake(f"{declaration.spoken}.where", what)
    found: dict[str, Relation] = {}
    for setting in declaration.settings:
        where = f"{declaration.spoken}.sets[{setting.column.name}]"
        for relation in relations(setting.expression, declaration.table, where):
            known = found.setdefault(relation.child.key, relation)
            if set(known.pairs) != set(relation.pairs):
                what = (
                    f"two subqueries of {relation.child.name} correlate in different ways, so that no trigger follows"
                )
                raise AuthorsMistake(where, what)
    return list(found.values())


def _function(declaration: Declaration, relation: Relation) -> Function:
    """In the schema of the definition's table."""
    table = declaration.table
    child_key, own_key = zip(*relation.pairs, strict=True)
    written = ", ".join(declaration.written)
    values = {setting.column: setting.expression for setting in declaration.settings}
    return function(
        declaration.name,
        table,
        identifier(declaration.name.replace("-", "_"), "sync", relation.child.name),
        "related_function",
        security=DEFINERS_RIGHTS[1],
        parent=named(table),
        row=f"({', '.join(f'{named(table)}.{quoted(column.name)}' for column in own_key)})",
        key=", ".join(quoted(column.name) for column in declaration.walk.identity),
        update=render(update(table).values(values)),
        belongs="" if declaration.where is None else f" AND ({render(declaration.where)})",
        child_key=", ".join(quoted(column.name) for column in child_key),
        read=", ".join(_compared(column) for column in dict.fromkeys((*child_key, *_read(declaration, relation)))),
        refusal=text_literal(f"TRUNCATE of {relation.child.name} would leave {written} of {table.name} wrong"),
        hint=text_literal(f"Delete the rows, or truncate {table.name} with them."),
    )


def _read(declaration: Declaration, relation: Relation) -> list[Column[Any]]:
    return [column for column in declaration.inputs if column.table is relation.child]


def _compared(column: Column[Any]) -> str:
    """json has no equality."""
    name = quoted(column.name)
    return f"CAST({name} AS text) AS {name}" if isinstance(column.type, JSON) else name
