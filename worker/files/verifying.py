"""What has to hold of the files when a run is over, rule by rule; no row knows it of itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from backfill.definitions import Refused
from backfill.runs.findings import EXAMPLES_KEPT, Finding, Rule
from worker.files.comparing import Step, brought, is_same, looked
from worker.files.folders import Folder, told
from worker.files.layout import Place
from worker.files.manifest import Manifest
from worker.files.sources import Changed, source_of
from worker.files.storage import Storage

FOLDER, LEFT, NOTHING, PATCH, LINK, ORPHANS = "folder", "left", "nothing", "patch", "active_link", "orphans"
STALE, LATE = "stale", "late"

RULES = (
    Rule(slug=FOLDER, title="Every row's folder is there with the files and sizes of its manifest and its row"),
    Rule(slug=STALE, title="No flat copy was written to after it was brought over"),
    Rule(slug=LEFT, title="No generation has files that are not brought over"),
    Rule(slug=LATE, title="Nothing is left of what the application has lately written", is_error=False),
    Rule(slug=PATCH, title="From each version that was brought over a patch leads to the next", is_error=False),
    Rule(
        slug=LINK, title="generations/active leads to the project's active generation, to nothing else", is_error=False
    ),
    Rule(slug=NOTHING, title="Every generation has files somewhere", is_error=False),
    Rule(slug=ORPHANS, title="Every folder below generations/ is a generation's", is_error=False),
)
_SEVERITY = {rule.slug: rule.is_error for rule in RULES}
# An application goes on inserting, deleting and activating: what a run mends is broken elsewhere by then.
AGAIN = "The next run does it; the application has written there meanwhile."
_REMEDIES = {ORPHANS: "Nobody looks for them: look at them, and remove them.", LATE: AGAIN, PATCH: AGAIN, LINK: AGAIN}


@dataclass(slots=True)
class Found:
    """Ids by rules, and those that settling again mends."""

    breaches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    mendable: list[str] = field(default_factory=list)

    def add(self, rule: str, unit_id: str, *, mends: bool = False) -> None:
        self.breaches[rule].append(unit_id)
        if mends and unit_id not in self.mendable:
            self.mendable.append(unit_id)

    @property
    def doubtful(self) -> list[str]:
        """What may be so because the application was at it when it was looked at."""
        return [unit_id for rule, ids in self.breaches.items() if rule != NOTHING for unit_id in ids]

    def findings(self) -> Iterator[Finding]:
        for rule, ids in self.breaches.items():
            if ids:
                examples, remedy = tuple(ids[:EXAMPLES_KEPT]), _REMEDIES.get(rule, "")
                yield Finding(rule=rule, is_error=_SEVERITY[rule], count=len(ids), examples=examples, remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Blocking. `root` is that of the flat copies."""

    storage: Storage
    root: Path

    def look(self, rows: Iterable[Row[Any]], found: Found) -> None:
        for row in rows:
            try:
                self._look_at(row, found)
            except (Refused, Changed):
                found.add(FOLDER if self._brought(row) else _left(row), row.id, mends=True)

    def unsound(self, rows: Iterable[Row[Any]]) -> list[Row[Any]]:
        """Rows that point to a folder which is not what it should be, while their files are somewhere else as well."""
        return [row for row in rows if self._brought(row) and self._can_be_mended(row)]

    def _look_at(self, row: Row[Any], found: Found) -> None:
        place = self._brought(row)
        if place is None:
            self._look_for_files(row, found)
            return
        there = looked(self.storage, place)
        if not isinstance(there, Manifest) or (len(there.files), there.total_size_bytes) != _sizes(row):
            found.add(FOLDER, row.id, mends=self._has_flat(row) or row.has_output)
        elif self._is_stale(row, there):
            found.add(STALE, row.id, mends=True)

    def _look_for_files(self, row: Row[Any], found: Found) -> None:
        if self._has_flat(row) or row.has_output:
            found.add(_left(row), row.id, mends=True)
        else:
            found.add(NOTHING, row.id)

    def _can_be_mended(self, row: Row[Any]) -> bool:
        place = self._brought(row)
        there = None if place is None else looked(self.storage, place)
        try:
            if not isinstance(there, Manifest) or (len(there.files), there.total_size_bytes) != _sizes(row):
                return self._has_flat(row) or bool(row.has_output)
            return self._is_stale(row, there)
        except (Refused, Changed):
            return False

    def _brought(self, row: Row[Any]) -> Place | None:
        return brought(self.storage, row.project_id, row.version, row.id, row.storage_path)

    def _has_flat(self, row: Row[Any]) -> bool:
        with told(), Folder.at(self.root) as root, source_of(root, row.id, None) as source:
            return source is not None

    def _is_stale(self, row: Row[Any], there: Manifest) -> bool:
        with told(), Folder.at(self.root) as root, source_of(root, row.id, None) as source:
            if source is None or source.newest_ns <= there.written_ns:
                return False
            return not is_same(self.storage, there, source)


def look_at_patches(storage: Storage, steps: Iterable[Step], found: Found) -> None:
    for step in steps:
        path = storage.patch_path(step.after, step.before.version)
        try:
            if step.written == path and storage.has_patch(step.after, step.before.version):
                continue
            # Where the version before is gone, there is nothing to compare with.
            is_due = isinstance(looked(storage, step.before), Manifest)
        except Refused:
            is_due = True
        if is_due:
            found.add(PATCH, step.after.generation_id, mends=True)


def look_at_links(
    storage: Storage, active: Sequence[tuple[str, Place | None]], one_of: Mapping[str, str], found: Found
) -> None:
    """`one_of` is a row of each project, which stands for it."""
    for project_id, place in active:
        wanted = None if place is None else place.name
        try:
            pointed = storage.pointed(project_id)
        except Refused:
            pointed = None  # nothing that could be followed
        if pointed != wanted:
            found.add(LINK, one_of[project_id], mends=True)


def _left(row: Row[Any]) -> str:
    return LATE if row.is_recent else LEFT


def _sizes(row: Row[Any]) -> tuple[int, int | None]:
    return row.file_count, row.total_size_bytes
