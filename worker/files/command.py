"""`backfill files-root`: marks the folder of the files, so that workers know it from one that is not mounted."""

from __future__ import annotations

from socket import gethostname
from typing import Annotated

import typer

from backfill.cli.output import say
from backfill.runs.errors import UsageError
from worker.files.settings import file_settings
from worker.files.storage.marker import mark

Create = Annotated[bool, typer.Option("--create", help="Make the folder where there is none.")]


def files_root(create: Create = False) -> None:
    """Mark FILE_STORAGE_PATH as the folder of the files, for workers to know it by.

    A worker that does not see the mark leaves their backfills to others: where a disk is not mounted, every generation
    would look like one without files.
    """
    root = file_settings().root
    if not create and not root.is_dir():
        raise UsageError(f"There is no folder {root}.", "Set FILE_STORAGE_PATH, mount it, or give --create.")
    try:
        is_new = mark(root, gethostname())
    except OSError as error:
        raise UsageError(
            f"{root} cannot be marked: {error.strerror}.", "Do it as the account of the workers."
        ) from None
    say(f"{root} is marked now." if is_new else f"{root} is marked already.")
