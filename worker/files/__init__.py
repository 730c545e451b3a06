"""The backfills of the files: into a folder for each project and version, with sizes and differences."""

from worker.files.bringing import generation_files

__all__ = ["generation_files"]
