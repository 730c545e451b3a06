"""`backfill contract`: the last step of a change, as a revision of the application's own chain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backfill.alembic.completing import SCRIPTS
from backfill.alembic.contracting import downgrade_of, spelled, upgrade_of, write_revision
from backfill.cli.options import Json, NameOrOnly
from backfill.cli.output import answer_console, write_json
from backfill.runs.errors import UsageError
from backfill.settings import load_settings
from backfill.wiring import one_definition

Write = Annotated[bool, typer.Option("--write", help="Write it into the chain, after its head.")]
Folder = Annotated[Path, typer.Option(help="Where the chain lies.")]


def contract(name: NameOrOnly = None, write: Write = False, folder: Folder = Path(SCRIPTS), json: Json = False) -> None:
    """Show what may be tightened and dropped once the next release runs everywhere; with --write, as a revision.

    The revision asks the data first, takes short locks, and has a way back. It is executed by alembic upgrade head.
    """
    definition = one_definition(load_settings(), name)
    lines, back = upgrade_of(definition), downgrade_of(definition)
    when = definition.contract.when if definition.contract else ""
    written = None
    if write:
        if not (folder / "versions").is_dir():
            raise UsageError(
                f"There is no chain in {folder}.", "Run it where `alembic upgrade` is run, or give --folder."
            )
        written = write_revision(definition, folder)
    if json:
        revision = None if written is None else str(written)
        document = {"upgrade": [*spelled(lines)], "downgrade": [*spelled(back)], "when": when, "revision": revision}
        write_json(document)
        return
    console = answer_console()
    for heading, part in (("upgrade", lines), ("downgrade", back)):
        console.print(f"{heading}:")
        for line in spelled(part):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(f"\n{when}", soft_wrap=True)
    if written is None:
        console.print("To write it into the chain: backfill contract --write")
    else:
        console.print(f"Written: {written}. Then: alembic upgrade head", soft_wrap=True)
