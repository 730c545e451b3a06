"""Names of tables as data: the library's own statements get them as parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableName:
    name: str
    schema: str = PUBLIC

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def as_parameters(tables: Iterable[TableName]) -> dict[str, list[str]]:
    """Two lists of the same length, as `unnest` takes them."""
    known = list(tables)
    return {"schemas": [table.schema for table in known], "tables": [table.name for table in known]}
