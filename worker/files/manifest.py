"""`manifest.json`: what a version's folder holds, in the application's own form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.files.layout import Place

LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a manifest says of the generation besides its files."""

    prompt: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`files` are paths below `source/`, in order; `written_ns` says how new it is, 0 where it is only
    to be written."""

    place: Place
    files: tuple[str, ...]
    total_size_bytes: int
    written_ns: int = 0

    def dump(self, about: About) -> bytes:
        document = {
            "generation_id": self.place.generation_id,
            "project_id": self.place.project_id,
            "version": self.place.version,
            "created_at": datetime.now(UTC).isoformat(),
            "file_count": len(self.files),
            "total_size_bytes": self.total_size_bytes,
            "files": list(self.files),
            "metadata": {"prompt": about.prompt, "created_at": about.created_at},
        }
        return json.dumps(document, indent=2).encode()


class Damaged(Exception):
    """A version's folder that is not what its manifest says; the text is for an operator."""


def load_manifest(content: bytes, place: Place, *, written_ns: int) -> Manifest:
    """Of this place, whoever has written it. Raises Damaged."""
    try:
        document: Any = json.loads(content)
        files, count = tuple(map(str, document["files"])), int(document["file_count"])
        total = int(document["total_size_bytes"])
        of = (str(document["project_id"]), int(document["version"]), str(document["generation_id"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Damaged("its manifest cannot be read") from None
    if of != (place.project_id, place.version, place.generation_id):
        raise Damaged("its manifest is of another generation")
    if count != len(files):
        raise Damaged("its manifest counts other files than it names")
    return Manifest(place=place, files=tuple(sorted(files)), total_size_bytes=total, written_ns=written_ns)
