"""Asks the catalog what a table has already, by what it does, so that a directive can be run again at any point.

How PostgreSQL spells an expression, and what a change would do to a table, nobody knows but PostgreSQL: it is asked, on
an empty copy of the table that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from backfill.alembic.directives.rendering import Relation, literally, quoted, written
from backfill.alembic.online_ddl import sqlstate_of
from backfill.runs.errors import SchemaNotReady
from backfill.runs.failures import INSUFFICIENT_PRIVILEGE
from backfill.sql.files import load_sql

COPY = Relation(table="online_copy", schema="pg_temp")
PARTITIONED = "p"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str
    not_null: bool
    default: str | None
    is_made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    name: str
    is_unique: bool
    does: str
    is_valid: bool

    def serves_as(self, other: Index) -> bool:
        return self.is_valid and self.is_like(other)

    def is_like(self, other: Index) -> bool:
        return (self.is_unique, self.does) == (other.is_unique, other.does)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """`kind` as in pg_constraint: c, f, p, u, x, n. The codes of actions, too."""

    name: str
    kind: str
    is_validated: bool
    does: str
    columns: tuple[str, ...]
    to_relation: int
    to_columns: tuple[str, ...]
    on_delete: str
    on_update: str
    is_deferrable: bool
    is_deferred: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    name: str
    function: str
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """`kind` is index, constraint (unique or primary key, not deferrable) or other."""

    about: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    oid: int
    kind: str
    bytes: int


class Looking:
    """Over one connection, in autocommit or within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def schema(self) -> str | None:
        """The one in which a name without a schema is looked for first."""
        name: str | None = self._connection.scalar(text("SELECT CAST(current_schema() AS text)"))
        return name

    def table(self, relation: Relation) -> Table | None:
        row = self._connection.execute(_query("relation"), {"relation": relation.quoted}).mappings().one_or_none()
        return None if row is None else Table(**row)

    def has_rows(self, relation: Relation) -> bool:
        statement = load_sql("backfill.alembic", "sql/looking/has_rows.sql").format(table=relation.quoted)
        return bool(self._connection.scalar(literally(statement)))

    def columns(self, relation: Relation) -> dict[str, Column]:
        rows = self._connection.execute(_query("columns"), {"relation": relation.quoted}).mappings()
        return {row["name"]: Column(**row) for row in rows}

    def indexes(self, relation: Relation) -> tuple[Index, ...]:
        rows = self._connection.execute(_query("indexes"), {"relation": relation.quoted}).mappings()
        return tuple(Index(**row) for row in rows)

    def constraints(self, relation: Relation, kind: str | None = None) -> tuple[Constraint, ...]:
        rows = self._connection.execute(_query("constraints"), {"relation": relation.quoted}).mappings()
        found = [
            Constraint(**{**row, "columns": tuple(row["columns"]), "to_columns": tuple(row["to_columns"])})
            for row in rows
        ]
        return tuple(one for one in found if kind is None or one.kind == kind)

    def triggers(self, relation: Relation) -> tuple[Trigger, ...]:
        rows = self._connection.execute(_query("triggers"), {"relation": relation.quoted}).mappings()
        return tuple(Trigger(**row) for row in rows)

    def dependents(self, relation: Relation, column: str) -> tuple[Dependent, ...]:
        parameters = {"relation": relation.quoted, "column": column}
        rows = self._connection.execute(_query("dependents"), parameters).mappings()
        return tuple(Dependent(**row) for row in rows)

    def spelled_with(self, relation: Relation, column: str, other: str) -> dict[str, str]:
        """What each index does by now, and how it would be spelled with another column in the place of the one."""
        with self._empty_copy(relation):
            before = {index.name: index.does for index in self.indexes(COPY)}
            for name, new_name in ((other, "online_away"), (column, other)):
                parts = {"table": COPY.quoted, "column": quoted(name), "new_name": quoted(new_name)}
                self._connection.execute(literally(written("rename_column", **parts)))
            after = {index.name: index.does for index in self.indexes(COPY)}
        return {does: after[name] for name, does in before.items()}

    def function_body(self, function: Relation) -> str | None:
        """Of one without arguments, as those of triggers are; None: there is none."""
        body: str | None = self._connection.scalar(_query("function_body"), {"function": function.quoted})
        return body

    def finds(self, relation: Relation, condition: str) -> bool:
        """Whether there is such a row; reads the table until it has found one."""
        statement = load_sql("backfill.alembic", "sql/looking/finds.sql")
        return bool(self._connection.scalar(literally(statement.format(table=relation.quoted, condition=condition))))

    def sequence_of(self, relation: Relation, column: str) -> str | None:
        """The one that the column owns, as PostgreSQL reads it."""
        parameters = {"relation": relation.quoted, "column": column}
        name: str | None = self._connection.scalar(text(_SEQUENCE), parameters)
        return name

    def index_as_made(self, relation: Relation, statement: str) -> Index:
        """How PostgreSQL spells the one index that `statement` makes on the copy."""
        with self._empty_copy(relation):
            before = {index.name for index in self.indexes(COPY)}
            self._connection.execute(literally(statement))
            return next(index for index in self.indexes(COPY) if index.name not in before)

    def check_as_made(self, relation: Relation, statement: str) -> Constraint:
        """The same for a constraint."""
        with self._empty_copy(relation):
            before = {one.name for one in self.constraints(COPY)}
            self._connection.execute(literally(statement))
            return next(one for one in self.constraints(COPY) if one.name not in before)

    def column_as_made(self, relation: Relation, statement: str, name: str) -> Column:
        """The same for a column, which the table need not lack."""
        with self._empty_copy(relation):
            self._connection.execute(literally(statement))
            return self.columns(COPY)[name]

    def takes_default(self, relation: Relation, column: str, default: str) -> bool:
        statement = written("set_default", table=COPY.quoted, column=quoted(column), default=default)
        try:
            with self._empty_copy(relation):
                self._connection.execute(literally(statement))
        except DBAPIError:
            return False
        return True

    def rewrites(self, relation: Relation, *statements: str) -> bool:
        """Whether the last of them writes the table or an index of it anew."""
        with self._empty_copy(relation):
            for statement in statements[:-1]:
                self._connection.execute(literally(statement))
            before = self._filenodes()
            self._connection.execute(literally(statements[-1]))
            return not set(before) <= set(self._filenodes())

    def _filenodes(self) -> list[int]:
        return list(self._connection.scalars(_query("filenodes")))

    @contextmanager
    def _empty_copy(self, relation: Relation) -> Iterator[None]:
        statement = load_sql("backfill.alembic", "sql/looking/empty_copy.sql").format(table=relation.quoted)
        begin, end = ("BEGIN", "ROLLBACK") if self.in_autocommit else _AS_SAVEPOINT
        self._connection.execute(text(begin))
        try:
            self._make_copy(statement)
            yield
        finally:
            for step in end.split("; "):
                self._connection.execute(text(step))

    def _make_copy(self, statement: str) -> None:
        try:
            self._connection.execute(literally(statement))
        except DBAPIError as error:
            if sqlstate_of(error) != INSUFFICIENT_PRIVILEGE:
                raise
            raise SchemaNotReady(
                "The role that migrates may not make temporary tables, and on one the server is asked.",
                "Run: GRANT TEMPORARY ON DATABASE ... TO that role; or migrate as the owner of the database.",
            ) from error

    @property
    def in_autocommit(self) -> bool:
        return bool(self._connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT")


_SEQUENCE = "SELECT pg_get_serial_sequence(CAST(:relation AS text), CAST(:column AS text))"
_AS_SAVEPOINT = ("SAVEPOINT online_copy", "ROLLBACK TO SAVEPOINT online_copy; RELEASE SAVEPOINT online_copy")


def _query(name: str) -> TextClause:
    return text(load_sql("backfill.alembic", f"sql/looking/{name}.sql"))
