"""What is wrong with the settings, in words: the variable's own name first, then the reason, then the value.

The words go to terminals and logs, so a value that may hold a secret is never part of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from backfill.masking import mask_passwords
from backfill.runs.errors import SettingsError
from backfill.runs.wording import ended

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

PREFIX = "BACKFILL_"
ENV_FILE = ".env"

_LONGEST_VALUE_SHOWN = 60  # characters
_PLACES = f"the environment, the file {ENV_FILE} or backfill.toml"


def env_name(field_name: str, field: FieldInfo) -> str:
    """The variable that sets this field."""
    return field.validation_alias if isinstance(field.validation_alias, str) else PREFIX + field_name.upper()


def unknown_names(names: Iterable[str], fields: Mapping[str, FieldInfo]) -> list[str]:
    """A mistake for each of the variables that has our prefix and sets nothing."""
    known = [env_name(field_name, field) for field_name, field in fields.items()]
    unknown = sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [f"{name}: no such setting{_suggestion(name.upper(), known)}" for name in unknown]


def wrong_value(detail: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """One of pydantic's errors as a mistake; a rule over several settings has already said it in our words."""
    reason = str(detail.get("ctx", {}).get("error") or detail["msg"])
    if not detail["loc"]:
        return reason
    key = str(detail["loc"][0]).lower()  # the field's name or its alias, which differ in case only
    field = fields[key]
    shown = "" if "SecretStr" in repr(field.annotation) else f", not {_quoted(detail['input'])}"
    return f"{env_name(key, field)}: {reason[0].lower()}{reason[1:]}{shown}"


def as_error(mistakes: list[str]) -> SettingsError:
    """All mistakes as one error: a sentence for one, a line each for several."""
    if len(mistakes) == 1:
        return SettingsError(ended(mistakes[0]), f"Correct it in {_PLACES}.")
    lines = "".join(f"\n  {mistake}" for mistake in mistakes)
    return SettingsError(f"{len(mistakes)} settings in {_PLACES} are wrong:{lines}")


def _suggestion(name: str, known: list[str]) -> str:
    by_bare_name = {one.removeprefix(PREFIX): one for one in known}
    close = difflib.get_close_matches(name.removeprefix(PREFIX), by_bare_name, n=1)
    return f"; did you mean {by_bare_name[close[0]]}?" if close else ""


def _quoted(value: object) -> str:
    text = mask_passwords(str(value))
    return f"'{text[:_LONGEST_VALUE_SHOWN]}…'" if len(text) > _LONGEST_VALUE_SHOWN else f"'{text}'"
