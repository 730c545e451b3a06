"""How statements come to be: names are quoted, expressions are SQLAlchemy's, and the rest stands in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import ExecutableDDLElement

from backfill.sql.files import load_sql

LONGEST_NAME = 63


def _dialect() -> PGDialect:
    # Any other style of parameters doubles every percent sign.
    dialect = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]  # of SQLAlchemy
    # Until it has met a server it doubles them, as servers wanted it whose strings are not standard.
    dialect._backslash_escapes = False  # noqa: SLF001 - there is no public way to say so
    return dialect


DIALECT = _dialect()


def quoted(name: str) -> str:
    return DIALECT.identifier_preparer.quote(name)


def as_text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table, or what else has a name of its own in a schema. `schema` None: where PostgreSQL looks first."""

    table: str
    schema: str | None = None

    def __str__(self) -> str:
        return self.table if self.schema in {None, "public"} else f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        return quoted(self.table) if self.schema is None else f"{quoted(self.schema)}.{quoted(self.table)}"

    def beside(self, name: str) -> Relation:
        """Another thing of the same schema."""
        return Relation(table=name, schema=self.schema)


def rendered(element: ExecutableDDLElement) -> str:
    return str(element.compile(dialect=DIALECT)).strip()


def written(statement: str, /, **parts: str) -> str:
    """A statement from its file, with names and expressions put in."""
    return load_sql("backfill.alembic", f"sql/ddl/{statement}.sql").format_map(parts)


def literally(statement: str) -> TextClause:
    """A statement without parameters: no colon in it names one."""
    return text(statement.replace(":", "\\:"))


def made_up_name(prefix: str, table: str, columns: Sequence[str]) -> str:
    """The same one at each run, also where it has to be cut."""
    name = "_".join([prefix, table, *columns])
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{prefix}_{blake2b(name.encode(), digest_size=8).hexdigest()}"
