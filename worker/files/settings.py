"""Where the application keeps its files, as its own settings say it: in the environment or in `.env`."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from backfill.runs.errors import SettingsError


class FileSettings(BaseSettings):
    """The names are those that the application reads, so that both find the same files."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    root: Path = Field(
        default=Path("storage/projects"),
        validation_alias="FILE_STORAGE_PATH",
        description="Folder of the files, seen from the working directory.",
    )
    is_shared: bool = Field(
        default=False,
        validation_alias="FILE_STORAGE_SHARED",
        description="Whether several hosts see the same folder there.",
    )

    bucket: str = Field(
        default="",
        validation_alias="FILE_STORAGE_BUCKET",
        description="Bucket of an object store for what is brought over; not set: below the folder.",
    )
    endpoint: str = Field(
        default="",
        validation_alias="FILE_STORAGE_ENDPOINT",
        description="URL of the object store, where it is not Amazon's.",
    )

    @property
    def written_root(self) -> str:
        """As the application writes it into rows: without `./`."""
        return str(PurePosixPath(self.root))


def file_settings() -> FileSettings:
    """Raises SettingsError."""
    try:
        return FileSettings()
    except ValidationError as error:
        mistakes = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_input=False))
        raise SettingsError(f"The settings of the files are wrong: {mistakes}.", "See docs/files.md.") from None
