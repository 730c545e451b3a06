"""The backfills of the files: into a folder for each project and version, with sizes and differences."""

from worker.files.bringing import generation_files
from worker.files.cleaning import generation_files_cleanup
from worker.files.sizes import generation_sizes

__all__ = ["generation_files", "generation_files_cleanup", "generation_sizes"]
