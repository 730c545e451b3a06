"""The SQL of functions and triggers, with an author's expressions in it: rendered, quoted and marked.

The mark in a function's body is a fingerprint of what it does, so that a run sees whether it is that of the definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Table, false, literal_column, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnElement

from backfill.sql.built import DIALECT, render
from backfill.sql.files import load_sql
from backfill.sql.needs import TriggerNeed
from backfill.sql.tables import PUBLIC

LONGEST_NAME = 63
# What rows are computed from may be in an author's extension; a function with other rights than its caller's must name
# whatever is not PostgreSQL's own with its schema.
OWN_RIGHTS = ("pg_catalog, public, pg_temp", "SET search_path = pg_catalog, public, pg_temp")
DEFINERS_RIGHTS = (
    "pg_catalog, pg_temp",
    "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp\nSET row_security = off",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """In the table's schema. `mark` is in its body."""

    schema: str
    name: str
    mark: str
    create: str

    @property
    def drop(self) -> str:
        return template("drop_function", function=self.quoted)

    @property
    def quoted(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """`event` is all between its name and its function."""

    name: str
    table: Table
    event: str
    function: Function

    @property
    def create(self) -> str:
        fields = {
            "table": named(self.table),
            "table_name": text_literal(named(self.table)),
            "trigger": quoted(self.name),
            "trigger_name": text_literal(self.name),
            "event": self.event,
            "function": self.function.quoted,
        }
        return template("trigger", **fields, mark=text_literal(_fingerprint(str(fields))))

    def need(self, remedy: str) -> TriggerNeed:
        return TriggerNeed(
            name=self.name,
            table=self.table.name,
            schema=self.table.schema or PUBLIC,
            function=self.function.name,
            fingerprint=self.function.mark,
            remedy=remedy,
        )


def function(backfill: str, table: Table, name: str, source: str, **fields: str) -> Function:
    """Made of the template `source`; what is in it is what the mark is a fingerprint of."""
    schema = table.schema or PUBLIC
    whole = f"{quoted(schema)}.{quoted(name)}"
    mark = f"backfill {backfill} {_fingerprint(template(source, function=whole, mark='', **fields))}"
    return Function(schema=schema, name=name, mark=mark, create=template(source, function=whole, mark=mark, **fields))


def trial(table: Table, expressions: Iterable[ColumnElement[Any]], search_path: str) -> str:
    tried = select(*expressions).select_from(table).where(false())
    return template("try_expressions", search_path=text_literal(search_path), select=render(tried))


def template(name: str, **fields: str) -> str:
    """Filled in all at once: what was put in is never looked at again."""
    source = load_sql("backfill.definitions.keepers", f"sql/{name}.sql")
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], source)


def assignments(settings: Iterable[tuple[Column[Any], ColumnElement[Any]]], where: ColumnElement[bool] | None) -> str:
    lines = [f"NEW.{quoted(column.name)} := {of_new_row(expression, column.table)};" for column, expression in settings]
    if where is None:
        return "\n".join(f"    {line}" for line in lines)
    table = next(iter(settings))[0].table
    return "\n".join([f"    IF {of_new_row(where, table)} THEN", *(f"        {line}" for line in lines), "    END IF;"])


def of_new_row(expression: ColumnElement[Any], table: Any) -> str:
    """The expression over the row that a trigger is called for."""

    def replace(element: object, **_: object) -> ColumnElement[Any] | None:
        if isinstance(element, Column) and getattr(element.table, "key", None) == table.key:
            return literal_column(f"NEW.{quoted(element.name)}", element.type)
        return None

    return render(visitors.replacement_traverse(expression, {}, replace))


def named(table: Table) -> str:
    return f"{quoted(table.schema or PUBLIC)}.{quoted(table.name)}"


def quoted(name: str) -> str:
    return str(DIALECT.identifier_preparer.quote_identifier(name))


def text_literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def identifier(*parts: str) -> str:
    """Cut where PostgreSQL would cut it, but so that no two are the same."""
    whole = "_".join(parts)
    return whole if len(whole.encode()) <= LONGEST_NAME else f"{whole[:40]}_{_fingerprint(whole)}"


def _fingerprint(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]
