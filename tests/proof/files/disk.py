"""A disk of a proof's own, which is full when it is told to be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOM_BYTES = 6 * 2**30
SLACK_BYTES, PAGE_BYTES = 4 * 2**20, 4096


def why_not() -> str | None:
    """Why there can be none here."""
    if sys.platform != "linux" or shutil.which("mount") is None:
        return "disks are mounted on Linux only"
    if os.geteuid() != 0:
        return "only root mounts a disk"
    with tempfile.TemporaryDirectory(prefix="proof-disk-") as folder:
        if _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder):
            return "this container may not mount a disk"
        _run("umount", folder)
    return None


@dataclass(frozen=True, slots=True)
class Disk:
    """In memory, as far as it is used."""

    folder: Path

    def fill(self) -> None:
        """There is room for nothing more than what is on it now."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._resize(used + SLACK_BYTES)  # others write to it meanwhile
        with self._ballast.open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(PAGE_BYTES))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)
        self._resize(ROOM_BYTES)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _resize(self, size_bytes: int) -> None:
        if refused := _run("mount", "-o", f"remount,size={size_bytes}", str(self.folder)):
            raise AssertionError(f"the disk keeps its size: {refused}")


@contextmanager
def mounted() -> Iterator[Disk]:
    with tempfile.TemporaryDirectory(prefix="proof-files-") as folder:
        refused = _run("mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES},mode=755", "tmpfs", folder)
        assert not refused, refused
        try:
            yield Disk(Path(folder))
        finally:
            _run("umount", "--lazy", folder)


def _run(*command: str) -> str:
    """What it said when it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or f"exit code {done.returncode}"
