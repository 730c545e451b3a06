"""How a worker knows that it has the right folder before it: a file in it that an operator had made.

Where a disk is not mounted there is an empty folder, and every generation would look like one without files.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

MARKER = ".codebegen-files"
# The application removes what is older than a month in the root, and this must not be among it.
RENEW_AFTER_SECONDS = 86_400


def mark(root: Path, host: str) -> bool:
    """False: it is marked already."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        with (root / MARKER).open("x", encoding="utf-8") as file:
            file.write(f"{host}\n")
    except FileExistsError:
        return False
    return True


def why_not(root: Path, host: str, *, is_shared: bool) -> str | None:
    """Why a worker on this host may not work there: a sentence for the operator."""
    marker = root / MARKER
    try:
        made_on = marker.read_text(encoding="utf-8").strip()
    except OSError:
        return (
            f"{root} is not marked as the folder of the files. Mount it, or set FILE_STORAGE_PATH; "
            "if it is the right one: backfill files-root."
        )
    if not is_shared and made_on != host:
        return (
            f"{root} was marked on the host {made_on}, and this is {host}. If both see the same folder, "
            "set FILE_STORAGE_SHARED=true; if not, start the workers of the files there."
        )
    with suppress(OSError):
        if time.time() - marker.stat().st_mtime > RENEW_AFTER_SECONDS:
            os.utime(marker)
    return None
