"""`backfill new`: the files of a backfill for its author to go on with."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from backfill.cli.options import Json
from backfill.cli.output import answer_console, write_json
from backfill.cli.scaffold.chain import next_place
from backfill.cli.scaffold.subject import Kind, Model, Subject, require_name, source_of
from backfill.cli.scaffold.writing import Folders, files_of, write
from backfill.runs.errors import UsageError
from backfill.settings import load_settings


def new(  # noqa: PLR0917 - an option is a parameter
    name: Annotated[str, typer.Argument(metavar="NAME", help="What operators will type: email-normalized.")],
    table: Annotated[str, typer.Option(metavar="PLACE", help="Mapped class or Table: shop.models:Customer.")],
    column: Annotated[str, typer.Option(metavar="NAME", help="The new column, which the model has already.")],
    kind: Annotated[Kind, typer.Option(help="What is right: an expression, a function, or SQL over a group.")] = (
        Kind.COLUMNS
    ),
    rows: Annotated[str | None, typer.Option(metavar="PLACE", help="Of a group: the model of the children.")] = None,
    reads: Annotated[str | None, typer.Option(metavar="NAME", help="A column that the new one is made of.")] = None,
    package: Annotated[str | None, typer.Option(metavar="NAME", help="Where definitions are: shop.backfills.")] = None,
    alembic: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings of Alembic, if not here.")] = None,
    tests: Annotated[Path, typer.Option(metavar="FOLDER", help="Where tests are.")] = Path("tests"),
    json: Json = False,
) -> None:
    """Write the definition, the revision and a test of a new backfill; nothing is overwritten."""
    require_name(name)
    units = Model.load(table)
    model = Model.load(_rows(kind, rows)) if kind is Kind.GROUPS else units
    target = model.column(column)
    subject = Subject(
        name=name, kind=kind, model=model, units=units, column=target, source=source_of(model, target, reads)
    )
    folders = _folders(package, tests)
    files = files_of(subject, folders, next_place(alembic))
    write(files)
    steps = _next_steps(subject, folders)
    if json:
        write_json({"written": [str(path) for path in files], "next": steps})
        return
    console = answer_console()
    for path in files:
        console.print(f"wrote {_near(path)}")
    console.print("Next:")
    for step in steps:
        console.print(f"  {step}")


def _rows(kind: Kind, rows: str | None) -> str:
    if rows is None:
        raise UsageError(f"--kind {kind} has two tables.", "Give --table the parents and --rows the children.")
    return rows


def _folders(package: str | None, tests: Path) -> Folders:
    named = package or next(iter(load_settings().definitions), None)
    if named is None:
        raise UsageError("It is not known where definitions are.", "Give --package, or name it in backfill.toml.")
    try:
        found = find_spec(named)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise UsageError(f"{named} is no package that can be imported from here.", "Make it, or give --package.")
    return Folders(package=named, definitions=Path(next(iter(found.submodule_search_locations))), tests=tests)


def _next_steps(subject: Subject, folders: Folders) -> list[str]:
    right = {
        Kind.COLUMNS: "say what is right: the expression in `sets`",
        Kind.CALLS: "say what is right: the function",
        Kind.GROUPS: "say what is right: settle.sql and check.sql; and who keeps it right: `kept_by`",
    }
    return [
        right[subject.kind],
        f"in {folders.package}: from {folders.package}.{subject.snake} import {subject.made}",
        "alembic upgrade head",
        f"pytest {folders.tests / f'test_{subject.snake}.py'}",
        f"backfill preview {subject.name} && backfill enqueue {subject.name}",
    ]


def _near(path: Path) -> Path:
    """As it is typed here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
