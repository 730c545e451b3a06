"""Versions in folders below a root, as the application has them.

    <root>/<project>/generations/v<N>__<id>/{source/..., artifacts/, manifest.json, diff_from_v<M>.patch}
    <root>/<project>/generations/active -> v<N>__<id>

A version is written as a draft beside its final name. Many drafts are flushed to disk at once, renamed, and flushed
again: only then does any row hear of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from backfill.definitions import Refused
from worker.files.folders import Folder, told
from worker.files.layout import ACTIVE, ARTIFACTS, GENERATIONS, MANIFEST, SOURCE, Place, patch_name
from worker.files.manifest import LARGEST_BYTES, About, Damaged, Manifest, load_manifest
from worker.files.sources import LARGEST_TOTAL_BYTES, File, FlatFolder, Source, require_countable
from worker.files.storage import Staged, StagedPatch
from worker.files.storage.draft import Draft, PatchDraft, begin
from worker.files.storage.durable import exchange, flush
from worker.files.storage.marker import why_not

_LOOKS = 10
_NEXT_ACTIVE = f".{ACTIVE}.next"
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST}


class LocalFolder:
    """`written` is the root as it stands in rows. The root itself may be a link; nothing below it may."""

    def __init__(self, root: Path, *, written: str, is_shared: bool) -> None:
        self._root = root
        self._written = written
        self._is_shared = is_shared

    def why_not(self) -> str | None:
        return why_not(self._root, socket.gethostname(), is_shared=self._is_shared)

    def stage(self, place: Place, source: Source, about: About) -> Draft:
        total = require_countable(source.files)
        with told():
            draft = begin(self._root, place)
            try:
                for file in source.files:
                    _write(draft.folder, file, source)
                if isinstance(source, FlatFolder):
                    source.require_unchanged()
                paths = tuple(sorted(file.path for file in source.files))
                manifest = Manifest(place=place, files=paths, total_size_bytes=total)
                os.mkdir(ARTIFACTS, dir_fd=draft.folder.descriptor)
                with suppress(FileExistsError):
                    os.mkdir(SOURCE, dir_fd=draft.folder.descriptor)
                _write_whole(draft.folder, MANIFEST, manifest.dump(about))
                if source.newest_ns:
                    _date(draft.folder, MANIFEST, source.newest_ns)
                draft.written = manifest
                draft.folder.rest()
            except BaseException:
                draft.discard()
                raise
            return draft

    def publish(self, staged: Sequence[Staged]) -> None:
        drafts = [one for one in staged if isinstance(one, Draft)]
        with told(), Folder.at(self._root) as root:
            for draft in drafts:
                _give_its_name(draft)
            # The application cleans the root by the age of what lies there: what was just written is not old.
            for project_id in {draft.place.project_id for draft in drafts}:
                with suppress(FileNotFoundError):
                    os.utime(project_id, dir_fd=root.descriptor, follow_symlinks=False)

    def flush(self) -> None:
        """Before names are given, for what they lead to, and after it, for the names."""
        with told(), Folder.at(self._root) as root:
            flush(root.descriptor)

    def look(self, place: Place) -> Manifest | None:
        for _ in range(_LOOKS):
            with told(), self._opened(place) as folder:
                if folder is None:
                    return None
                try:
                    return _looked(folder, place)
                except Damaged:
                    if self._is_still_there(folder, place):
                        raise
                    # Another one has taken its place, and this one is being removed.
        raise Damaged("its folder is replaced again and again")

    @contextmanager
    def reading(self, place: Place) -> Iterator[Callable[[str], bytes]]:
        with told(), self._opened(place) as folder:
            if folder is None:
                raise FileNotFoundError(errno.ENOENT, "there is no such version")
            with folder.below(SOURCE) as source:
                yield lambda path: source.read(path, LARGEST_TOTAL_BYTES)

    def remove(self, place: Place) -> None:
        with told(), Folder.at(self._root) as root:
            generations = root.find(place.project_id, GENERATIONS)
            if generations is not None:
                with generations:
                    shutil.rmtree(place.name, ignore_errors=True, dir_fd=generations.descriptor)

    def stage_patch(self, place: Place, from_version: int, patch: bytes) -> StagedPatch | None:
        with told(), Folder.at(self._root) as root:
            folder = root.find(place.project_id, GENERATIONS, place.name)
            if folder is None:
                return None
            name = patch_name(from_version)
            staged = PatchDraft(folder=folder, draft=f".{name}.{token_hex(4)}", name=name)
            try:
                _write_whole(folder, staged.draft, patch)
            except BaseException:
                staged.discard()
                raise
            return staged

    def has_patch(self, place: Place, from_version: int) -> bool:
        with told(), self._opened(place) as folder:
            if folder is None:
                return False
            try:
                found = os.stat(patch_name(from_version), dir_fd=folder.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return False
            return stat.S_ISREG(found.st_mode)

    def point(self, project_id: str, place: Place | None) -> bool:
        if self.pointed(project_id) == (None if place is None else place.name):
            return False
        with told(), Folder.at(self._root) as root:
            generations = root.find(project_id, GENERATIONS)
            if generations is None:
                return False
            with generations:
                _point(generations, None if place is None else place.name)
            return True

    def pointed(self, project_id: str) -> str | None:
        with told(), Folder.at(self._root) as root:
            generations = root.find(project_id, GENERATIONS)
            if generations is None:
                return None
            with generations:
                try:
                    return os.readlink(ACTIVE, dir_fd=generations.descriptor)
                except FileNotFoundError:
                    return None
                except OSError as error:
                    if error.errno == errno.EINVAL:
                        raise Refused("generations/active is no symbolic link") from None
                    raise

    def names(self, project_id: str) -> Iterator[str]:
        with told(), Folder.at(self._root) as root:
            generations = root.find(project_id, GENERATIONS)
            if generations is None:
                return
            with generations:
                yield from (name for name in generations.names() if name != ACTIVE and not name.startswith("."))

    def projects(self) -> Iterator[str]:
        with told(), os.scandir(self._root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and (self._root / entry.name / GENERATIONS).is_dir():
                    yield entry.name

    def path(self, place: Place) -> str:
        return f"{self._written}/{place.key}"

    def patch_path(self, place: Place, from_version: int) -> str:
        return f"{self.path(place)}/{patch_name(from_version)}"

    @contextmanager
    def _opened(self, place: Place) -> Iterator[Folder | None]:
        """None: it is not there."""
        with Folder.at(self._root) as root:
            folder = root.find(place.project_id, GENERATIONS, place.name)
        try:
            yield folder
        finally:
            if folder is not None:
                folder.close()

    def _is_still_there(self, folder: Folder, place: Place) -> bool:
        with self._opened(place) as now:
            return now is not None and os.path.samestat(os.fstat(now.descriptor), os.fstat(folder.descriptor))


def _give_its_name(draft: Draft) -> None:
    with draft.around() as (generations, drafts):
        here, there = drafts.descriptor, generations.descriptor
        try:
            os.rename(draft.name, draft.place.name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            _replace(draft, here, there)


def _replace(draft: Draft, here: int, there: int) -> None:
    """Another worker was faster, or what is there is older. What was there lies in the draft's place then."""
    if exchange(draft.name, here, draft.place.name, there):
        return
    aside = f"{draft.name}.old"
    os.rename(draft.place.name, aside, src_dir_fd=there, dst_dir_fd=here)
    os.rename(draft.name, draft.place.name, src_dir_fd=here, dst_dir_fd=there)
    shutil.rmtree(aside, ignore_errors=True, dir_fd=here)


def _write(draft: Folder, file: File, source: Source) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = draft.open(f"{SOURCE}/{file.path}", flags, file.mode, make=True)
    try:
        for content in source.read(file):
            _write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _write_whole(folder: Folder, name: str, content: bytes) -> None:
    descriptor = folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        _write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _date(folder: Folder, name: str, time_ns: int) -> None:
    """As old as the newest of what was copied: what is younger than that was not, whatever the clocks say."""
    os.utime(name, ns=(time_ns, time_ns), dir_fd=folder.descriptor, follow_symlinks=False)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _looked(folder: Folder, place: Place) -> Manifest:
    try:
        written_ns = os.stat(MANIFEST, dir_fd=folder.descriptor, follow_symlinks=False).st_mtime_ns
        manifest = load_manifest(folder.read(MANIFEST, LARGEST_BYTES), place, written_ns=written_ns)
        with folder.below(SOURCE) as source:
            found = {path: state.st_size for path, state in source.files()}
    except FileNotFoundError:
        raise Damaged("its folder has no manifest, or no source") from None
    if found.keys() != set(manifest.files):
        raise Damaged("its folder has other files than its manifest names")
    if sum(found.values()) != manifest.total_size_bytes:
        raise Damaged("its files have other sizes than its manifest says")
    return manifest


def _point(generations: Folder, name: str | None) -> None:
    if name is None:
        with suppress(FileNotFoundError):
            os.unlink(ACTIVE, dir_fd=generations.descriptor)
        return
    for _ in range(_LOOKS):
        # Another worker may take the draft away, or give its own the name.
        with suppress(FileNotFoundError):
            os.unlink(_NEXT_ACTIVE, dir_fd=generations.descriptor)
        with suppress(FileNotFoundError, FileExistsError):
            os.symlink(name, _NEXT_ACTIVE, dir_fd=generations.descriptor)
            os.rename(_NEXT_ACTIVE, ACTIVE, src_dir_fd=generations.descriptor, dst_dir_fd=generations.descriptor)
            if os.readlink(ACTIVE, dir_fd=generations.descriptor) == name:
                break
