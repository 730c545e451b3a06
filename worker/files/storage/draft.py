"""A version's folder while it is written: under a name of its own, locked for as long as its writer lives.

A writer that was killed leaves its draft behind, and its lock is gone with it: whoever writes the same version next
takes such drafts away, and leaves those of the living alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from worker.files.folders import Folder, told
from worker.files.layout import GENERATIONS, PARTIAL, Place
from worker.files.manifest import Manifest

_ATTEMPTS = 20
_NO_LOCKS = {errno.EBADF, errno.ENOLCK, errno.ENOTSUP, errno.EINVAL}


@dataclass(slots=True, kw_only=True)
class Draft:
    """Below the project's `generations/`. Only its own folder is kept open, for the lock: many of them wait at once."""

    root: Path
    place: Place
    name: str
    folder: Folder
    written: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        if self.written is None:
            raise ValueError("a draft has a manifest when it is complete")
        return self.written

    @contextmanager
    def around(self) -> Iterator[tuple[Folder, Folder]]:
        """The project's `generations/`, and the folder of the drafts in it."""
        with (
            Folder.at(self.root) as root,
            root.below(self.place.project_id, GENERATIONS) as generations,
            generations.below(PARTIAL) as drafts,
        ):
            yield generations, drafts

    def discard(self) -> None:
        """What is left of it; its lock is let go."""
        if self.folder.descriptor < 0:
            return
        self.folder.close()
        with suppress(OSError), self.around() as (generations, drafts):
            shutil.rmtree(self.name, ignore_errors=True, dir_fd=drafts.descriptor)
            with suppress(OSError):  # others have drafts there
                os.rmdir(PARTIAL, dir_fd=generations.descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchDraft:
    """Beside its name, in the version's folder."""

    folder: Folder
    draft: str
    name: str

    def publish(self) -> None:
        here = self.folder.descriptor
        with told():
            os.rename(self.draft, self.name, src_dir_fd=here, dst_dir_fd=here)

    def discard(self) -> None:
        if self.folder.descriptor >= 0:
            with suppress(OSError):
                os.unlink(self.draft, dir_fd=self.folder.descriptor)
            self.folder.close()


def begin(at: Path, place: Place) -> Draft:
    """An empty one. Drafts of the same version that nobody writes any more are taken away."""
    with Folder.at(at) as root, root.below(place.project_id, GENERATIONS, make=True) as generations:
        for _ in range(_ATTEMPTS):
            # Another one may take the folder away when it is empty, between these steps.
            with suppress(FileNotFoundError, BlockingIOError):
                name, folder = _begun(generations, place)
                return Draft(root=at, place=place, name=name, folder=folder)
    raise FileNotFoundError(errno.ENOENT, "drafts are taken away as fast as they are made")


def _begun(generations: Folder, place: Place) -> tuple[str, Folder]:
    with generations.below(PARTIAL, make=True) as drafts:
        name = f"{place.name}.{token_hex(6)}"
        _take_away_the_dead(drafts, place)
        os.mkdir(name, dir_fd=drafts.descriptor)
        folder = drafts.below(name)
        try:
            _lock(folder)
            # Whoever took it for a dead one's before it was locked has removed it.
            if not _is_at(folder, name, drafts):
                raise FileNotFoundError(errno.ENOENT, "taken away")
        except BaseException:
            folder.close()
            raise
        return name, folder


def _take_away_the_dead(drafts: Folder, place: Place) -> None:
    for name in drafts.names():
        if not name.startswith(f"{place.name}."):
            continue
        with suppress(OSError), drafts.below(name) as dead:
            fcntl.flock(dead.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(name, ignore_errors=True, dir_fd=drafts.descriptor)


def _lock(folder: Folder) -> None:
    try:
        fcntl.flock(folder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # some network file systems lock no folders: nobody takes drafts away there
            raise


def _is_at(folder: Folder, name: str, parent: Folder) -> bool:
    found = os.stat(name, dir_fd=parent.descriptor, follow_symlinks=False)
    return os.path.samestat(found, os.fstat(folder.descriptor))
