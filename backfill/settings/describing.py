"""Says of every setting what it is called, means and may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from backfill.settings.autopilot import AutopilotSettings
from backfill.settings.databases import DatabasesSettings
from backfill.settings.fields import Settings
from backfill.settings.mistakes import env_name
from backfill.settings.people import PeopleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDescription:
    """One line of the configuration table; `default` is empty where there is none, `allowed` where all goes."""

    name: str
    default: str
    allowed: str
    description: str


def describe_settings() -> list[SettingDescription]:
    """Every setting, in the order of the class: what the README's table and `doctor` are made of."""
    return [
        SettingDescription(
            name=env_name(field_name, field),
            default=_as_text(field.default),
            allowed=_allowed(field),
            description=field.description or "",
        )
        for field_name, field in sorted(Settings.model_fields.items(), key=_part)
    ]


def _part(item: tuple[str, FieldInfo]) -> int:
    """Those of the parts come last."""
    parts: tuple[type[BaseSettings], ...] = (DatabasesSettings, PeopleSettings, AutopilotSettings)
    return next((place for place, part in enumerate(parts, 1) if item[0] in part.model_fields), 0)


def _as_text(value: object) -> str:
    if value is None or value in ((), {}):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: FieldInfo) -> str:
    bounds = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "le") if hasattr(rule, name)}
    if bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    if field.annotation is bool:
        return "true, false"
    return ", ".join(str(choice) for choice in get_args(field.annotation) if isinstance(choice, str))
