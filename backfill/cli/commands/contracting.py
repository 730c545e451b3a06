"""`backfill contract`: the last step of a change, as a revision of the application's own chain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from alembic.script import Script

from backfill.alembic.completing import SCRIPTS
from backfill.alembic.contracting import Line, downgrade_of, revision_in, spelled, upgrade_of, write_revision
from backfill.cli.options import Json, NameOrOnly
from backfill.cli.output import answer_console, write_json
from backfill.definitions import Definition
from backfill.runs.errors import UsageError
from backfill.settings import load_settings
from backfill.wiring import one_definition

Write = Annotated[bool, typer.Option("--write", help="Write it into the chain, after its head.")]
Apply = Annotated[bool, typer.Option("--apply", help="Write it, unless it is there, and execute it: alembic upgrade.")]
Folder = Annotated[Path, typer.Option(help="Where the chain lies.")]


def contract(
    name: NameOrOnly = None,
    write: Write = False,
    apply: Apply = False,
    folder: Folder = Path(SCRIPTS),
    json: Json = False,
) -> None:
    """Show what may be tightened and dropped once the next release runs everywhere; with --write, as a revision.

    The revision asks the data first, takes short locks, and has a way back. It is executed by alembic upgrade head, or
    at once with --apply, which ends with Alembic's exit code.
    """
    definition = one_definition(load_settings(), name)
    lines, back = upgrade_of(definition), downgrade_of(definition)
    when = definition.contract.when if definition.contract else ""
    written = _revision(definition, folder, is_there=apply) if write or apply else None
    if json:
        revision = None if written is None else written.path
        document = {"upgrade": [*spelled(lines)], "downgrade": [*spelled(back)], "when": when, "revision": revision}
        write_json(document)
    else:
        _tell({"upgrade": lines, "downgrade": back}, when)
        then = "" if apply else " Then: alembic upgrade head"
        told = f"Written: {written.path}.{then}" if written else "To write it into the chain: backfill contract --write"
        answer_console().print(told, soft_wrap=True)
    if apply and written is not None:
        raise typer.Exit(_execute(written))


def _revision(definition: Definition, folder: Path, *, is_there: bool) -> Script:
    """Written now; `is_there`: or found, if it has been written before."""
    if not (folder / "versions").is_dir():
        raise UsageError(f"There is no chain in {folder}.", "Run it where `alembic upgrade` is run, or give --folder.")
    found = revision_in(definition, folder) if is_there else None
    return found or write_revision(definition, folder)


def _tell(parts: Mapping[str, Sequence[Line]], when: str) -> None:
    console = answer_console()
    for heading, lines in parts.items():
        console.print(f"{heading}:")
        for line in spelled(lines):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(f"\n{when}", soft_wrap=True)


def _execute(revision: Script) -> int:
    """By Alembic's own command, with the configuration that it finds here, as whoever types it would."""
    command = [sys.executable, "-m", "alembic", "upgrade", revision.revision]
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode
