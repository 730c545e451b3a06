"""Takes the flat copy of a generation away: out of sight in one step, and only then piece by piece."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from backfill.definitions import Refused
from worker.files.folders import Folder
from worker.files.sources import Changed, FlatFolder, Source, zip_of

# In the root itself, where the application's own cleaning finds what a kill has left of it. A folder for all of them
# would be taken away by one thread while another one puts something into it.
REMOVED = ".removed"


def remove_flat(root: Folder, generation_id: str, is_same: Callable[[Source], bool]) -> None:
    """Folder and zip, where they are what was brought over. Raises Refused where they are not, and Changed."""
    _remove_folder(root, generation_id, is_same)
    with zip_of(root, generation_id) as zipped:
        if zipped is None:
            return
        if not is_same(zipped):
            raise Refused("its zip is not what was brought over")
    with suppress(FileNotFoundError):
        os.unlink(f"{generation_id}.zip", dir_fd=root.descriptor)


def _remove_folder(root: Folder, generation_id: str, is_same: Callable[[Source], bool]) -> None:
    folder = root.find(generation_id)
    if folder is None:
        return
    with folder:
        flat = FlatFolder(folder)
        if flat.files and not is_same(flat):
            raise Refused("its flat folder is not what was brought over")
        aside = f"{REMOVED}.{generation_id}.{token_hex(6)}"
        try:
            _rename(root, generation_id, aside)
        except FileNotFoundError:
            return
        if not _is_the_same_still(folder, flat):
            with suppress(OSError):  # the application has made another one since: that is the newer one
                _rename(root, aside, generation_id)
            raise Changed
        shutil.rmtree(aside, ignore_errors=True, dir_fd=root.descriptor)


def _rename(root: Folder, name: str, other: str) -> None:
    os.rename(name, other, src_dir_fd=root.descriptor, dst_dir_fd=root.descriptor)


def _is_the_same_still(folder: Folder, flat: FlatFolder) -> bool:
    """Nobody has written between the comparison and the step."""
    try:
        now = FlatFolder(folder)
    except Refused:
        return False
    return (now.files, now.newest_ns) == (flat.files, flat.newest_ns)
