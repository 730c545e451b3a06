"""The storage that the settings say, and whether this worker has it."""

from __future__ import annotations

from functools import cache
from typing import Any

from worker.files.settings import file_settings
from worker.files.storage import Storage
from worker.files.storage.local import LocalFolder
from worker.files.storage.objects import ObjectStore, connect


def open_storage() -> Storage:
    """Raises SettingsError. Connects to nothing by itself."""
    settings = file_settings()
    folder = LocalFolder(settings.root, written=settings.written_root, is_shared=settings.is_shared)
    if not settings.bucket:
        return folder
    written, client = settings.written_root, _client(settings.endpoint)
    return ObjectStore(client, settings.bucket, written=written, root_why_not=folder.why_not)


@cache
def _client(endpoint: str) -> Any:
    """It takes a tenth of a second to make, and threads may share it."""
    return connect(endpoint)


def not_here() -> str | None:
    """Why this worker must not take what has to do with files: a sentence for the operator."""
    return open_storage().why_not()
