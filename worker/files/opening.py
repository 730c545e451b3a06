"""The storage that the settings say, and whether this worker has it."""

from __future__ import annotations

from worker.files.settings import file_settings
from worker.files.storage import Storage
from worker.files.storage.local import LocalFolder


def open_storage() -> Storage:
    """Raises SettingsError. Connects to nothing by itself."""
    settings = file_settings()
    return LocalFolder(settings.root, written=settings.written_root, is_shared=settings.is_shared)


def not_here() -> str | None:
    """Why this worker must not take what has to do with files: a sentence for the operator."""
    return open_storage().why_not()
