"""Databases besides DATABASE_URL, each by the name that definitions know it by."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from backfill.runs.errors import SettingsError
from backfill.settings.secret_files import content_of
from backfill.urls import read_database_url

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def _named(value: object) -> object:
    """`name=URL`, with blanks or new lines between them; no URL has one, and one of several hosts has commas."""
    if not isinstance(value, str):
        return value
    pairs = [entry.partition("=") for entry in value.split()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("each entry is a name, =, and a URL; blanks stand between entries")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise ValueError("a name is there twice")
    return {name: url for name, _, url in pairs}


def _databases(given: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """What can be told without connecting. `from None`: an error would quote what it was given."""
    for name, url in given.items():
        if not _NAME.fullmatch(name):
            raise ValueError("a name is of lower-case letters, digits, - and _, and begins with a letter") from None
        try:
            read_database_url(url.get_secret_value())
        except SettingsError as error:
            reason = str(error).removeprefix("DATABASE_URL").lstrip(": ").rstrip(".")
            raise ValueError(f"{name}: {reason}") from None
    return given


Databases = Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_named), AfterValidator(_databases)]
DatabasesInFile = Annotated[Databases, BeforeValidator(content_of)]


class DatabasesSettings(BaseSettings):
    """A part of `Settings`, which has the rest and where all of it is read from."""

    databases: Databases = Field(
        default={},
        validation_alias="DATABASES",
        description="More databases, for definitions that name theirs: "
        "`billing=postgresql://user:password@host/billing`, with blanks between entries.",
    )
    databases_file: DatabasesInFile | None = Field(
        default=None,
        validation_alias="DATABASES_FILE",
        description="A file that holds DATABASES, an entry to a line; instead of DATABASES.",
    )

    @model_validator(mode="after")
    def _databases_come_from_one_place(self) -> Self:
        if self.databases_file is not None:
            if self.databases:
                raise ValueError("DATABASES_FILE: DATABASES is set as well; remove one of the two")
            object.__setattr__(self, "databases", self.databases_file)  # frozen is for everybody else
        return self

    @property
    def database_urls(self) -> dict[str, str]:
        """By name."""
        return {name: url.get_secret_value() for name, url in self.databases.items()}
