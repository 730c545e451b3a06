"""Asks the catalog what is there already: for checks, and so that a step that has nothing to do takes no lock."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, RowMapping, text

from backfill.sql.files import load_sql
from backfill.sql.found import Found, FoundColumn, FoundIndex, FoundKey, FoundTrigger, Recorded, Unfit
from backfill.sql.needs import IndexNeed, KeyNeed
from backfill.sql.tables import TableName, as_parameters

# A line of its own before the body.
_SETTING = re.compile(r"^SET (\w+) = (.+)$", re.MULTILINE)


class Catalog:
    """Answers over one connection; a table that is named without its schema is in public."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def found(self, tables: Collection[TableName]) -> Found:
        return Found(
            columns=self.columns(*tables),
            indexes=self.indexes(*tables),
            keys=self.keys(*tables),
            triggers=self.triggers(*tables),
            recorded=self.recorded(),
            unfit=self.unfit(*tables),
        )

    def unfit(self, *tables: str | TableName) -> tuple[Unfit, ...]:
        return tuple(
            Unfit(table=TableName(name=row["table"], schema=row["schema"]), what=row["is"])
            for row in self._rows("unfit_tables", tables)
        )

    def columns(self, *tables: str | TableName) -> tuple[FoundColumn, ...]:
        return tuple(FoundColumn(**row) for row in self._rows("columns", tables))

    def indexes(self, *tables: str | TableName) -> tuple[FoundIndex, ...]:
        return tuple(FoundIndex(**{**row, "columns": tuple(row["columns"])}) for row in self._rows("indexes", tables))

    def keys(self, *tables: str | TableName) -> tuple[FoundKey, ...]:
        return tuple(
            FoundKey(**{**row, "columns": tuple(row["columns"]), "to_columns": tuple(row["to_columns"])})
            for row in self._rows("keys", tables)
        )

    def triggers(self, *tables: str | TableName) -> tuple[FoundTrigger, ...]:
        return tuple(FoundTrigger(**row) for row in self._rows("triggers", tables))

    def recorded(self) -> Recorded:
        readable = self._connection.scalar(text(load_sql("backfill.sql", "queries/may_read_revision.sql")))
        if not readable:
            return Recorded(has_table=readable is not None, revisions=None)
        revisions = self._connection.scalars(text(load_sql("backfill.sql", "queries/recorded_revisions.sql")))
        return Recorded(has_table=True, revisions=tuple(revisions))

    def has_columns(self, table: str, names: Collection[str]) -> bool:
        return {column.name for column in self.columns(table)} >= set(names)

    def lacks_columns(self, table: str, names: Collection[str]) -> bool:
        return not {column.name for column in self.columns(table)} & set(names)

    def has_defaults(self, table: str, defaults: Mapping[str, str]) -> bool:
        """By column, as PostgreSQL spells them."""
        columns = {column.name: column for column in self.columns(table)}
        return all(name in columns and columns[name].has_default(default) for name, default in defaults.items())

    def has_check(self, table: str, name: str) -> bool | None:
        """Whether the check is validated; None: there is no such check."""
        validated: bool | None = self._connection.scalar(
            text(load_sql("backfill.sql", "queries/check_is_validated.sql")), {"table": table, "name": name}
        )
        return validated

    def index(self, table: str, name: str) -> FoundIndex | None:
        return next((index for index in self.indexes(table) if index.name == name), None)

    def serves(self, need: IndexNeed) -> bool:
        """Whether some index, whatever its name, does what this one is for."""
        return any(index.serves(need) for index in self.indexes(TableName(name=need.table, schema=need.schema)))

    def keys_of(self, need: KeyNeed) -> tuple[FoundKey, ...]:
        """Those on the column, whatever their names and whatever they do."""
        return tuple(key for key in self.keys(TableName(name=need.table, schema=need.schema)) if key.is_of(need))

    def trigger_calls(self, table: str, name: str, function: str) -> bool:
        """Whether it is there, enabled, and calls this function."""
        return any(one.enabled and one.function == function for one in self.triggers(table) if one.name == name)

    def has_function(self, function: str) -> bool:
        return self._function(function) is not None

    def function_is(self, function: str, statement: str) -> bool:
        """Whether it is there, with the body and the settings that this CREATE FUNCTION gives it."""
        found = self._function(function)
        if found is None or found["body"] not in statement:
            return False
        return set(found["settings"]) == {f"{name}={value}" for name, value in _SETTING.findall(statement)}

    def _function(self, function: str) -> RowMapping | None:
        statement = text(load_sql("backfill.sql", "queries/function.sql"))
        return self._connection.execute(statement, {"function": function}).mappings().one_or_none()

    def count_blocks(self, relation: str) -> int:
        """Of a table with its schema, as PostgreSQL reads it."""
        blocks = self._connection.scalar(
            text(load_sql("backfill.sql", "queries/count_blocks.sql")), {"table": relation}
        )
        return int(blocks or 0)

    def _rows(self, question: str, tables: Collection[str | TableName]) -> list[RowMapping]:
        statement = text(load_sql("backfill.sql", f"queries/{question}.sql"))
        named = [TableName(name=table) if isinstance(table, str) else table for table in tables]
        return list(self._connection.execute(statement, as_parameters(named)).mappings())
