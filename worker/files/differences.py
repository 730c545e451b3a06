"""A patch from one version to the next, as `diff -ruN` writes it, without a program or a folder for it.

Comparing long texts line by line may take minutes where they are alike in the wrong way; of those the patch takes all
lines away and puts the new ones there, which is as right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from worker.files.manifest import Manifest
from worker.files.storage import Storage

LONGEST_COMPARED_LINES = 2_000
NO_NEWLINE = "\\ No newline at end of file\n"


def patch_between(storage: Storage, before: Manifest, after: Manifest) -> bytes:
    """Empty where they are the same. Raises FileNotFoundError where one of them is taken away meanwhile."""
    parts: list[str] = []
    olds, news = set(before.files), set(after.files)
    with storage.reading(before.place) as read_old, storage.reading(after.place) as read_new:
        for path in sorted(olds | news):
            old = read_old(path) if path in olds else None
            new = read_new(path) if path in news else None
            if old != new:
                parts.extend(_file(f"{before.place.name}/source/{path}", old, f"{after.place.name}/source/{path}", new))
    return "".join(parts).encode("latin-1", "replace")


def _file(old_path: str, old: bytes | None, new_path: str, new: bytes | None) -> Iterator[str]:
    old_path, new_path = _shown(old_path), _shown(new_path)
    if _is_binary(old) or _is_binary(new):
        yield f"Binary files {old_path} and {new_path} differ\n"
        return
    yield f"diff -ruN {old_path} {new_path}\n"
    old_lines, new_lines = _lines(old), _lines(new)
    compared = max(len(old_lines), len(new_lines)) <= LONGEST_COMPARED_LINES
    lines = unified_diff(old_lines, new_lines, old_path, new_path) if compared else _replaced(old_lines, new_lines)
    if not compared:
        yield f"--- {old_path}\n+++ {new_path}\n"
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    yield f"@@ -{min(1, len(old))},{len(old)} +{min(1, len(new))},{len(new)} @@\n"
    yield from (f"-{line}" for line in old)
    yield from (f"+{line}" for line in new)


def _lines(content: bytes | None) -> list[str]:
    """Byte for byte, each with its own end: other ends of lines than \\n are part of a line."""
    text = (content or b"").decode("latin-1")
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _shown(path: str) -> str:
    """UTF-8 read as latin-1, as the lines are; an end of a line in a name would begin another one."""
    return path.replace("\n", "\\n").replace("\r", "\\r").encode().decode("latin-1")


def _is_binary(content: bytes | None) -> bool:
    return content is not None and b"\0" in content
