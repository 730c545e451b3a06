"""Renders the files of a new backfill, and writes them where nothing is yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import String, Table
from sqlalchemy.types import TypeEngine

from backfill.cli.scaffold.chain import Place
from backfill.cli.scaffold.rows import inserted, inserted_below
from backfill.cli.scaffold.subject import Kind, Subject
from backfill.runs.errors import UsageError
from backfill.sql.built import DIALECT

ROWS, ITEMS_EACH = 300, 4
_DIALECTS = "sqlalchemy.dialects.postgresql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """`package` is where definitions are, a dotted name; `definitions` its folder."""

    package: str
    definitions: Path
    tests: Path


def files_of(subject: Subject, folders: Folders, place: Place) -> dict[Path, str]:
    """By their paths, in the order in which an author reads them."""
    environment = Environment(
        loader=PackageLoader("backfill.cli.scaffold"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - it writes Python and SQL
    )
    values = _values(subject, folders, place)

    def render(template: str) -> str:
        return environment.get_template(f"{template}.jinja").render(values)

    files = {folders.definitions / f"{subject.snake}.py": render(f"{subject.kind}.py")}
    if subject.kind is Kind.GROUPS:
        own = folders.definitions / "sql" / subject.snake
        files |= {own / "settle.sql": render("settle.sql"), own / "check.sql": render("check.sql")}
    files[place.folder / f"{place.revision}_{subject.snake}.py"] = render("revision.py")
    files[folders.tests / f"test_{subject.snake}.py"] = render("test.py")
    return files


def write(files: Mapping[Path, str]) -> None:
    """All of them or none. Raises UsageError where one is there."""
    there = [str(path) for path in files if path.exists()]
    if there:
        raise UsageError(f"There is {', '.join(there)} already.", "Nothing was written; take another name.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _values(subject: Subject, folders: Folders, place: Place) -> dict[str, Any]:
    column, source, rows, units = subject.column, subject.source, subject.model.table, subject.units.table
    target = subject.model.attribute(column)
    made_of = subject.model.attribute(source)
    same = isinstance(column.type, String) == isinstance(source.type, String)
    key = list(units.primary_key.columns)
    old = [inserted(units, rows=ROWS)]
    if subject.kind is Kind.GROUPS:
        old.append(inserted_below(units, rows, each=ITEMS_EACH))
    return {
        "subject": subject,
        "package": folders.package,
        "place": place,
        "table": rows,
        "target": target,
        "source": made_of,
        "value": made_of if same else f"cast({made_of}, {target}.type)",
        "casts": not same,
        "source_name": made_of.rpartition(".")[2],
        "target_name": target.rpartition(".")[2],
        "type": _written(column.type),
        "keys": [(one.name, str(one.type.compile(dialect=DIALECT))) for one in key],
        "foreign": _foreign(rows, units) if subject.kind is Kind.GROUPS else [],
        "old": [statement for statement in old if statement] if None not in old else [],
        "identity": next(iter(rows.primary_key.columns)).name,
    }


def _foreign(rows: Table, units: Table) -> list[str]:
    """Columns of the rows, in the order of the units' key."""
    for key in rows.foreign_key_constraints:
        pairs = {element.column.name: element.parent.name for element in key.elements if element.column.table is units}
        if pairs:
            return [pairs[column.name] for column in units.primary_key.columns]
    raise UsageError(f"{rows.name} has no foreign key to {units.name}.", "Give --rows the model of the children.")


def _written(kind: TypeEngine[Any]) -> str:
    module = "postgresql" if type(kind).__module__.startswith(_DIALECTS) else "sa"
    return f"{module}.{kind!r}"
