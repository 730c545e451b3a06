"""Asks the catalog what is there already, so that a step that has nothing to do takes no lock."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, text

from worker.sqlfiles import load_sql


class Catalog:
    """Answers about schema public over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_columns(self, table: str, names: Collection[str]) -> bool:
        return self._count_columns(table, names) == len(names)

    def lacks_columns(self, table: str, names: Collection[str]) -> bool:
        return self._count_columns(table, names) == 0

    def index_is_valid(self, index: str) -> bool | None:
        """None: there is no such index."""
        return self._flag("index_is_valid", index=f"public.{index}")

    def constraint_is_valid(self, table: str, constraint: str) -> bool | None:
        """None: there is no such constraint."""
        return self._flag("constraint_is_valid", table=f"public.{table}", constraint=constraint)

    def trigger_is_enabled(self, table: str, trigger: str) -> bool | None:
        """None: there is no such trigger."""
        return self._flag("trigger_is_enabled", table=f"public.{table}", trigger=trigger)

    def has_function(self, function: str) -> bool:
        return bool(self._answer("function_exists", function=f"public.{function}"))

    def _count_columns(self, table: str, names: Collection[str]) -> int:
        return int(self._answer("count_columns", table=f"public.{table}", names=list(names)))

    def _flag(self, question: str, **values: str) -> bool | None:
        answer = self._answer(question, **values)
        return None if answer is None else bool(answer)

    def _answer(self, question: str, **values: Any) -> Any:
        return self._connection.scalar(text(load_sql("worker.schema", f"sql/{question}.sql")), values)
