"""`generation-files`: brings the files of each generation into the folder of its project and version.

Everything of a version is written before anybody can see it (here), then gets its name (`publishing`), and the row is
told of it last. So whatever a kill leaves behind, the row still points to where the files have been all the time; who
does it again finds the folder, compares, and goes on. Nothing is moved: the flat copies stay until
`generation-files-cleanup` is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import sleep
from typing import Any

from backfill.definitions import Refused
from backfill.definitions.calls import Row, calls
from worker.files.backfill import FilesBackfill
from worker.files.columns import ROWS, has_sizes, is_brought, is_concerned
from worker.files.comparing import is_same, looked, place_at
from worker.files.folders import Folder, told
from worker.files.layout import LONGEST_PATH, Place
from worker.files.manifest import About, Damaged, Manifest
from worker.files.opening import not_here, open_storage
from worker.files.publishing import MOST_DRAFTS, Brought
from worker.files.settings import file_settings
from worker.files.sources import Away, Changed, Source, Version, source_of
from worker.files.storage import Staged, Storage
from worker.schema.models import generations

# So many rows go to a thread at once.
TOGETHER = 8
READ = [
    *(ROWS.project_id, ROWS.version, ROWS.status, ROWS.storage_path),
    *(ROWS.created_at, ROWS.prompt, ROWS.output_files),
]
WAITS_SECONDS = (0.1, 0.5)
# A generation may have tens of thousands of files.
LONGEST_SECONDS = 600.0


@calls(
    table=generations,
    name="generation-files",
    reads=[
        ROWS.project_id,
        ROWS.version,
        ROWS.status,
        ROWS.created_at,
        ROWS.prompt,
        ROWS.output_files,
        ROWS.storage_path,
    ],
    writes=[ROWS.storage_path, ROWS.file_count, ROWS.total_size_bytes],
    where=lambda _: is_concerned(),
    todo=lambda _: ~is_brought(file_settings().written_root),
    check=lambda _: has_sizes(file_settings().written_root),
    kept_by="application",
    order_by=[ROWS.project_id, ROWS.created_at],
    rows_per_call=TOGETHER,
    concurrency=4,
    batch_rows=MOST_DRAFTS,
    timeout=LONGEST_SECONDS,
    bound=FilesBackfill,
    after=["generation-versions"],
    not_here=not_here,
)
def generation_files(rows: Sequence[Row]) -> list[Any]:
    """Brings the files of every generation into the folder of its project and version."""
    storage, root = open_storage(), file_settings().root
    answers: list[Any] = []
    for row in rows:
        try:
            manifest, draft = _patiently_staged(storage, root, row)
        except Exception as error:  # noqa: BLE001 - it is that row's, whatever it is
            answers.append(error)
        else:
            answers.append(None if manifest is None else Brought(_values(storage, manifest), draft))
    return answers


def _patiently_staged(storage: Storage, root: Path, row: Row) -> tuple[Manifest | None, Staged | None]:
    """Here and not by `retry_on`, which would stage the other rows of the call again as well."""
    for wait_seconds in WAITS_SECONDS:
        try:
            return _staged(storage, root, row)
        except (Changed, Away):
            sleep(wait_seconds)
    try:
        return _staged(storage, root, row)
    except Changed:
        raise Refused("its files are written to again and again while they are copied") from None
    except Away as error:
        raise Refused(str(error)) from None


def _staged(storage: Storage, root: Path, row: Row) -> tuple[Manifest | None, Staged | None]:
    """What its folder holds or is to hold, and what is still to be published. Neither: it has no files."""
    place = Place(project_id=row.project_id, version=row.version, generation_id=row.id)
    if len(storage.path(place)) > LONGEST_PATH:
        raise Refused("the path of its folder is too long for storage_path")
    there = looked(storage, place)
    with told(), Folder.at(root) as flat, source_of(flat, row.id, row.output_files) as found:
        source = found or (None if isinstance(there, Manifest) else _moved(storage, place, row.storage_path))
        if source is None:
            if isinstance(there, Damaged):
                raise Refused(f"{there}, and its files are nowhere else")
            return there, None
        if isinstance(there, Manifest) and is_same(storage, there, source):
            return there, None
        draft = storage.stage(place, source, About(prompt=row.prompt, created_at=row.created_at.isoformat()))
        return draft.manifest, draft


def _moved(storage: Storage, place: Place, path: str) -> Source | None:
    """From where it was brought to, as a part of another project; its flat copy may be gone since."""
    before = place_at(storage, path)
    if before is None or before == place or before.generation_id != place.generation_id:
        return None
    there = looked(storage, before)
    if not isinstance(there, Manifest):
        return None
    with storage.reading(before) as read:
        return Version(there.files, read, there.written_ns)


def _values(storage: Storage, manifest: Manifest) -> Mapping[str, Any]:
    return {
        "storage_path": storage.path(manifest.place),
        "file_count": len(manifest.files),
        "total_size_bytes": manifest.total_size_bytes,
    }
