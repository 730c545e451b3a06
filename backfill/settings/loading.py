"""Reads the settings, and tells every mistake in them by its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from backfill.runs.errors import SettingsError
from backfill.settings.fields import Settings
from backfill.settings.mistakes import ENV_FILE, as_error, unknown_names, wrong_value
from backfill.shipped import COMMANDS, FILES, WORKER, read_shipped


def load_settings() -> Settings:
    """Reads the environment and `.env`; raises SettingsError with every mistake in them, by name."""
    fields = Settings.model_fields
    mistakes = unknown_names({*os.environ, *_names_in_env_file()}, fields) + _unknown_in_shipped(fields)
    try:
        settings = Settings()
    except ValidationError as error:
        mistakes += [wrong_value(detail, fields) for detail in error.errors(include_url=False)]
    else:
        if not mistakes:
            return settings
    # `from None`: pydantic's error holds the values that it was given.
    raise as_error(mistakes) from None


def where_set(name: str) -> str:
    """Of a variable that is set somewhere: where it is heard from."""
    if name in os.environ:
        return "environment"
    return ENV_FILE if name in _names_in_env_file() else "backfill.toml"


def _unknown_in_shipped(fields: Mapping[str, FieldInfo]) -> list[str]:
    mistakes: list[str] = []
    known = {*fields, COMMANDS, WORKER}
    for file in FILES:
        try:
            names = read_shipped(file).keys()
        except (OSError, ValueError) as error:
            raise SettingsError(f"The file {file} cannot be read: {error}.", "Correct or remove it.") from None
        mistakes += [f"{name}: no such setting, in {file}" for name in sorted(names) if name not in known]
    return mistakes


def _names_in_env_file() -> Iterable[str]:
    try:
        return dotenv_values(ENV_FILE, encoding="utf-8").keys()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The file {ENV_FILE} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            "Make it readable or remove it.",
        ) from error
