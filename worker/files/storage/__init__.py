"""Where versions are kept: what the backfills ask of it, so that a folder and a store of objects do alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from worker.files.layout import Place
from worker.files.manifest import About, Manifest
from worker.files.sources import Source


class Staged(Protocol):
    """All files of a version, written, and to be seen by nobody yet."""

    @property
    def manifest(self) -> Manifest: ...

    def discard(self) -> None:
        """Safe to do twice, and after it was published."""


class StagedPatch(Protocol):
    """A patch that has its content, and no name yet that anybody would look for."""

    def publish(self) -> None:
        """Raises Refused."""

    def discard(self) -> None:
        """Safe to do twice, and after it was published."""


class Storage(Protocol):
    """Blocking; called from several threads, processes and hosts at once. What the system refuses leaves as Refused.

    Each step is done whole or not at all, so that it may end anywhere and be done again.
    """

    def why_not(self) -> str | None:
        """Why this process may not work with it: a sentence for the operator."""

    def stage(self, place: Place, source: Source, about: About) -> Staged:
        """Raises Refused, Changed."""

    def publish(self, staged: Sequence[Staged]) -> None:
        """All of them under their final names, quickly: their rows are locked. One that is there already is replaced by
        another, and nobody sees it half."""

    def flush(self) -> None:
        """What was written and what was named so far is kept through a power failure when this returns."""

    def look(self, place: Place) -> Manifest | None:
        """What is there; None: nothing. Raises Damaged where files and sizes are not what the manifest says."""

    def reading(self, place: Place) -> AbstractContextManager[Callable[[str], bytes]]:
        """Gives the content of a file of it, by its path below `source/`. Raises FileNotFoundError, then and now."""

    def remove(self, place: Place) -> None: ...

    def stage_patch(self, place: Place, from_version: int, patch: bytes) -> StagedPatch | None:
        """None: the version is gone."""

    def has_patch(self, place: Place, from_version: int) -> bool: ...

    def point(self, project_id: str, place: Place | None) -> bool:
        """The project's active version; None: none. Whether that was another one before."""

    def pointed(self, project_id: str) -> str | None:
        """The name of the version that is pointed to."""

    def names(self, project_id: str) -> Iterator[str]:
        """What is kept of a project, by the names of the folders."""

    def projects(self) -> Iterator[str]:
        """Those that something may be kept of."""

    def path(self, place: Place) -> str:
        """As it stands in `storage_path`."""

    def patch_path(self, place: Place, from_version: int) -> str: ...
