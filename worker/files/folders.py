"""A folder and what lies below it, by descriptors: no step follows a symbolic link, whoever puts one there meanwhile.

A path that is checked first and opened then can be another one by then. Here each part of it is opened below the one
before, and the system refuses the step where it is a link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from backfill.definitions import Refused
from worker.files.names import MOST_FILES

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "this worker may not read or write there",
    errno.EPERM: "this worker may not read or write there",
    errno.ENAMETOOLONG: "the name of a file is too long",
    errno.ELOOP: "there is a symbolic link where a file or folder should be",
    errno.ENOTDIR: "there is a file or a symbolic link where a folder should be",
    errno.EISDIR: "there is a folder where a file should be",
    errno.EMFILE: "this worker has too many files open: raise its limit, or lower parallel",
    errno.EIO: "the disk has an error",
}


@contextmanager
def told() -> Iterator[None]:
    """What the system refuses as a reason without a path in it; all else as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _REASONS:
            raise Refused(_REASONS[error.errno]) from None
        raise


class Folder:
    """Closed at the end of a `with`. Files that are opened in a row in one folder below cost one step each."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._near: tuple[str, int] = ("", descriptor)

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Folder:
        """One that the operator named, who may have it be a link."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def below(self, *names: str, make: bool = False) -> Folder:
        """Raises FileNotFoundError where it is not there and not to be made."""
        return Folder(self._opened(names, make=make))

    def find(self, *names: str) -> Folder | None:
        try:
            return self.below(*names)
        except FileNotFoundError:
            return None

    def open(self, path: str, flags: int, mode: int = 0o666, *, make: bool = False) -> int:
        """A descriptor of the file with that path below this folder; `make` the folders that are not there."""
        folder, _, name = path.rpartition("/")
        directory = self._directory(folder, make=make)
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=directory)

    def read(self, path: str, most: int) -> bytes:
        """A small file. Refused where it has more bytes than `most`."""
        with os.fdopen(self.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise Refused("a file is larger than it may be")
        return content

    def names(self) -> list[str]:
        with os.scandir(self.descriptor) as entries:
            return [entry.name for entry in entries]

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Path and state of every file below, a folder's own files together. Refused where there is anything else."""
        seen, waiting = 0, [""]
        while waiting:
            files, inner = self._listed(waiting.pop())
            seen += len(files)
            waiting += inner
            if seen > MOST_FILES or len(waiting) > MOST_FILES:
                raise Refused(f"it has more than {MOST_FILES} files or folders")
            yield from files

    def _listed(self, folder: str) -> tuple[list[tuple[str, os.stat_result]], list[str]]:
        """Files and folders in one folder below; no more of them than there may be."""
        files, inner = [], []
        with os.scandir(self._directory(folder, make=False)) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    inner.append(path)
                else:
                    files.append((path, _file_state(entry)))
                if len(files) > MOST_FILES:
                    break
        return files, inner

    def rest(self) -> None:
        """Only this folder is kept open until the next file."""
        self._forget()

    def close(self) -> None:
        if self.descriptor < 0:  # by now its number may be somebody else's
            return
        self._forget()
        closing, self.descriptor, self._near = self.descriptor, -1, ("", -1)
        os.close(closing)

    def _directory(self, path: str, *, make: bool) -> int:
        if self.descriptor < 0:
            raise ValueError("the folder is closed")
        if self._near[0] != path:
            self._forget()
            if path:
                self._near = (path, self._opened(path.split("/"), make=make))
        return self._near[1]

    def _forget(self) -> None:
        near, self._near = self._near[1], ("", self.descriptor)
        if near != self.descriptor:
            os.close(near)

    def _opened(self, names: tuple[str, ...] | list[str], *, make: bool) -> int:
        descriptor = os.dup(self.descriptor)
        for name in names:
            try:
                following = _step(descriptor, name, make=make)
            finally:
                os.close(descriptor)
            descriptor = following
        return descriptor

    def __del__(self) -> None:
        """For one whose owner was broken off."""
        with suppress(OSError):
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _step(descriptor: int, name: str, *, make: bool) -> int:
    if not name or name in {".", ".."} or "/" in name:
        raise Refused("a path has a part that is no name")
    try:
        return os.open(name, _DIRECTORY, dir_fd=descriptor)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=descriptor)
    return os.open(name, _DIRECTORY, dir_fd=descriptor)


def _file_state(entry: os.DirEntry[str]) -> os.stat_result:
    state = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(state.st_mode):
        raise Refused("there is a symbolic link among its files")
    if not stat.S_ISREG(state.st_mode):
        raise Refused("there is something among its files that is no file")
    return state
