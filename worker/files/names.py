"""Names of files as somebody else made them up: what may become a path below a folder, and what is refused.

Checked for a generation as a whole, before anything is written. What one file system takes another does not: names that
differ only by case, or by how an accent is composed, would be one file on the next laptop that unpacks them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from backfill.definitions import Refused

MOST_FILES = 50_000
LONGEST_NAME_BYTES = 255
LONGEST_PATH_BYTES = 1024

_DRIVE = re.compile(r"[A-Za-z]:")


def checked_names(names: Iterable[str]) -> dict[str, str]:
    """Each name with the path that it comes to. Raises Refused, which quotes none of them."""
    paths: dict[str, str] = {}
    for name in names:
        if len(paths) >= MOST_FILES:
            raise Refused(f"it has more than {MOST_FILES} files")
        paths[name] = _path_of(name)
    _require_apart(paths.values())
    return paths


def _path_of(name: str) -> str:
    if "\0" in name:
        raise Refused("the name of a file has a NUL in it")
    if "\\" in name or _DRIVE.match(name):
        raise Refused("the path of a file has a drive letter or a backslash")
    path = PurePosixPath(name)
    if path.is_absolute():
        raise Refused("the path of a file is absolute")
    if ".." in path.parts:
        raise Refused("the path of a file leaves its folder")
    if not path.parts:
        raise Refused("a file has no name")
    try:
        lengths = [len(part.encode()) for part in path.parts]
    except UnicodeEncodeError:
        raise Refused("the name of a file is no text") from None
    if max(lengths) > LONGEST_NAME_BYTES or sum(lengths) + len(lengths) > LONGEST_PATH_BYTES:
        raise Refused("the name of a file is too long")
    return str(path)


def _require_apart(paths: Iterable[str]) -> None:
    """No path twice, none as a file and as a folder, no two that differ only by case."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in files:
            same = files[folded] == path
            raise Refused("a path is there twice" if same else "names of files differ only by case")
        files[folded] = path
        for parent in PurePosixPath(path).parents[:-1]:
            if folders.setdefault(_folded(str(parent)), str(parent)) != str(parent):
                raise Refused("names of folders differ only by case")
    if files.keys() & folders.keys():
        raise Refused("a path is a file and a folder")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
