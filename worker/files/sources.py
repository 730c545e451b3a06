"""Where a generation's files come from: its flat folder, else its zip, else what its row has in `output_files`.

A source names all of its files before the first of them is read, so that nothing is written of one that is refused.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from backfill.definitions import Refused
from worker.files.folders import Folder
from worker.files.names import checked_names

CHUNK_BYTES = 2**20
LARGEST_TOTAL_BYTES = 2**31 - 1
"""What `total_size_bytes` can hold."""


class Changed(Exception):
    """Somebody wrote to the files while they were read."""


class Away(Exception):
    """A store of objects that may answer later; the text is for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """`path` is below `source/`; `mode` are its permissions."""

    path: str
    size: int
    mode: int = 0o666


class Source(Protocol):
    """`kind` is a word for it; `newest_ns` when a file of it was last written, 0 where that is not known."""

    kind: str
    files: tuple[File, ...]
    newest_ns: int

    def read(self, file: File) -> Iterator[bytes]:
        """Its content, in pieces. Raises Changed."""
        ...


def require_countable(files: tuple[File, ...]) -> int:
    """Their bytes. Refused where the column cannot hold them."""
    total = sum(file.size for file in files)
    if total > LARGEST_TOTAL_BYTES:
        raise Refused(f"its files have more than {LARGEST_TOTAL_BYTES} bytes, which total_size_bytes cannot hold")
    return total


class FlatFolder:
    kind = "folder"

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        found = sorted(folder.files())
        paths = checked_names(name for name, _ in found)
        self._states = {paths[name]: state for name, state in found}
        self._names = {path: name for name, path in paths.items()}
        self.files = tuple(
            File(path=path, size=state.st_size, mode=stat.S_IMODE(state.st_mode) & 0o777)
            for path, state in self._states.items()
        )
        self.newest_ns = max((state.st_mtime_ns for state in self._states.values()), default=0)

    def read(self, file: File) -> Iterator[bytes]:
        try:
            # Without waiting: in place of the file there may be a pipe by now.
            descriptor = self._folder.open(self._names[file.path], os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            raise Changed from None
        try:
            left = file.size
            while content := os.read(descriptor, min(CHUNK_BYTES, left + 1)):
                left -= len(content)
                if left < 0:
                    break
                yield content
            if left or not _same(os.fstat(descriptor), self._states[file.path]):
                raise Changed
        finally:
            os.close(descriptor)

    def require_unchanged(self) -> None:
        """That there are the same files as before, and as they were, those too that were read first. Raises Changed."""
        try:
            now = dict(self._folder.files())
        except FileNotFoundError:
            raise Changed from None
        before = {self._names[path]: state for path, state in self._states.items()}
        if now.keys() != before.keys() or not all(_same(now[name], before[name]) for name in now):
            raise Changed


class Zip:
    kind = "zip"

    def __init__(self, archive: zipfile.ZipFile, newest_ns: int) -> None:
        self._archive = archive
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry in entries:
            _require_plain(entry)
        if len({entry.filename for entry in entries}) < len(entries):
            raise Refused("a path is there twice")
        paths = checked_names(entry.orig_filename for entry in entries)
        self._entries = {paths[entry.orig_filename]: entry for entry in entries}
        self.files = tuple(File(path=path, size=entry.file_size) for path, entry in self._entries.items())
        self.newest_ns = newest_ns

    def read(self, file: File) -> Iterator[bytes]:
        left = file.size
        try:
            with self._archive.open(self._entries[file.path]) as content:
                # No more than it has announced, whatever it unpacks to.
                while piece := content.read(min(CHUNK_BYTES, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        break
                    yield piece
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise Refused("its zip is damaged") from error
        if left:
            raise Refused("its zip is damaged")


class Json:
    """Of `output_files`: contents by their paths."""

    kind = "output_files"
    newest_ns = 0

    def __init__(self, output_files: Any) -> None:
        if not isinstance(output_files, Mapping):
            raise Refused("output_files is no object of paths and contents")
        paths = checked_names(output_files)
        self._contents = {paths[name]: encoded(content) for name, content in output_files.items()}
        self.files = tuple(File(path=path, size=len(self._contents[path])) for path in sorted(self._contents))

    def read(self, file: File) -> Iterator[bytes]:
        yield self._contents[file.path]


class Version:
    """What was brought over before, to another project or under another number."""

    kind = "version"

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes], newest_ns: int) -> None:
        self._contents = {path: read(path) for path in sorted(paths)}
        self.files = tuple(File(path=path, size=len(content)) for path, content in self._contents.items())
        self.newest_ns = newest_ns

    def read(self, file: File) -> Iterator[bytes]:
        yield self._contents[file.path]


@contextmanager
def source_of(root: Folder, generation_id: str, output_files: Any) -> Iterator[Source | None]:
    """None: there is nothing. An empty folder is none, where there is anything else."""
    folder = root.find(generation_id)
    if folder is not None:
        with folder:
            flat = FlatFolder(folder)
            if flat.files:
                yield flat
                return
    with zip_of(root, generation_id) as zipped:
        if zipped is not None:
            yield zipped
            return
    yield Json(output_files) if output_files else None


@contextmanager
def zip_of(root: Folder, generation_id: str) -> Iterator[Zip | None]:
    try:
        descriptor = root.open(f"{generation_id}.zip", os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Refused("its zip is damaged") from error
        with archive:
            yield Zip(archive, os.fstat(file.fileno()).st_mtime_ns)


def encoded(content: Any) -> bytes:
    """As it is on disk. Refused where it is no text."""
    if not isinstance(content, str):
        raise Refused("the content of a file is no text")
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise Refused("the content of a file is no text") from None


def _require_plain(entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise Refused("there is a symbolic link among its files")
    if kind not in (0, stat.S_IFREG):
        raise Refused("there is something among its files that is no file")
    if entry.flag_bits & 1:
        raise Refused("its zip is encrypted")


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_size, one.st_mtime_ns) == (other.st_ino, other.st_size, other.st_mtime_ns)
