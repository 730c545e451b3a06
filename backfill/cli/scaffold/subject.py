"""What a new backfill is about, as the application's models say it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, inspect

from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.tables import table_of
from backfill.runs.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Kind(StrEnum):
    COLUMNS = "columns"
    CALLS = "calls"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A mapped class, or a Table, and what it is called where it is imported from."""

    module: str
    name: str
    table: Table
    mapped: bool

    @classmethod
    def load(cls, place: str) -> Model:
        """Of `shop.models:Customer`. Raises UsageError."""
        module, _, name = place.partition(":")
        if str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        try:
            found = getattr(import_module(module), name)
            table = table_of(found, place)
        except (ImportError, AttributeError, ValueError) as error:
            reason = error.what if isinstance(error, AuthorsMistake) else error
            raise UsageError(f"{place}: {reason}.", "Give a mapped class or a Table, shop.models:Customer.") from None
        return cls(module=module, name=name, table=table, mapped=not isinstance(found, Table))

    def attribute(self, column: Column[Any]) -> str:
        """How it is written in code: Customer.email, or customers.c.email."""
        if not self.mapped:
            return f"{self.name}.c.{column.key}"
        found = getattr(sys.modules[self.module], self.name)
        return f"{self.name}.{inspect(found).get_property_by_column(column).key}"

    def column(self, name: str) -> Column[Any]:
        """Raises UsageError."""
        found = self.table.columns.get(name)
        if found is None:
            first = f"{self.name} has no column {name}"
            raise UsageError(f"{first}.", f"Add it to the model first, as one that may be NULL, in {self.module}.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`units` is the model of the parents of a group, the same one otherwise."""

    name: str
    kind: Kind
    model: Model
    units: Model
    column: Column[Any]
    source: Column[Any]

    @property
    def snake(self) -> str:
        return self.name.replace("-", "_")

    @property
    def made(self) -> str:
        """What the definition is called in code."""
        return self.snake if self.kind is Kind.CALLS else "".join(part.title() for part in self.name.split("-"))


def require_name(name: str) -> None:
    """Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a new backfill.", "Write words with hyphens, email-normalized.")


def source_of(model: Model, column: Column[Any], given: str | None) -> Column[Any]:
    """A column that the new one is made of: the first that is no key and no other new one, where none is named."""
    if given:
        return model.column(given)
    keys = {*model.table.primary_key.columns, *(key.parent for key in model.table.foreign_keys)}
    others = [one for one in model.table.columns if one not in keys and one is not column and not one.nullable]
    if not others:
        raise UsageError(f"{model.name} has no column that {column.name} could be made of.", "Name one: --reads.")
    return others[0]
