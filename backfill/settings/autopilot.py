"""What the operator sets of the autopilot: whether a run goes by it, limits, checks, and what is not looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from backfill.runs.errors import UsageError
from backfill.runs.limits import known_signal, limit_of
from backfill.runs.servers import DATABASE_URL


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for part in (one.strip() for one in value.split(",")) if part)
    return value


def _limits(value: object) -> object:
    """`name=number` with commas between them, or a table of a TOML file."""
    if isinstance(value, str):
        value = dict(part.partition("=")[::2] for part in value.split(",") if part.strip())
    if not isinstance(value, Mapping):
        return value
    try:
        return dict(limit_of(f"{name}={number}") for name, number in value.items())
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _signals(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(known_signal(name) for name in names)
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _checks(value: object) -> object:
    """JSON of the environment, or tables of a TOML file."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("this is no JSON") from None


class CheckSetting(BaseModel):
    """Has either `sql` or `url`. `database` is as DATABASES has it, '' for DATABASE_URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    sql: str = ""
    url: str = Field("", pattern=r"^(https?://.*)?$")
    limit: float | None = None
    every_seconds: float = Field(2.0, ge=0.5, le=3600)
    database: str | None = None

    @field_validator("database")
    @classmethod
    def _of_the_url(cls, name: str | None) -> str | None:
        return "" if name == DATABASE_URL else name

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.sql) == bool(self.url):
            raise ValueError(f"check {self.name} needs either sql or url")
        return self


class AutopilotSettings(BaseSettings):
    """A part of `Settings`, which has the rest and where all of it is read from."""

    pace: Literal["autopilot", "fixed"] = Field(
        default="autopilot",
        description="How a run goes that says nothing else: `autopilot` watches the database and does at most what the "
        "other settings of the pace say, `fixed` does just that.",
    )
    least_lanes: float = Field(
        default=0.25,
        ge=0.1,
        le=64,
        description="Ranges at once that the autopilot keeps up in each run whatever the application's latency is, but "
        "for limits and sudden overload; 0.25 is one that rests three quarters of the time. Less lets it keep to its "
        "budget also where that is too much already.",
    )
    limits: Annotated[Mapping[str, float], NoDecode, BeforeValidator(_limits)] = Field(
        default={},
        description="Limits of the autopilot that are not to be the default, such as "
        "`standby_bytes=64MiB,database_bytes=2TiB`; `backfill throttle` lists them.",
    )
    signals_off: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names), AfterValidator(_signals)] = Field(
        default=(), description="Signals that the autopilot does not look at, with commas between them."
    )
    expected_standbys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        default=(),
        description="Names (`application_name`) of standbys that must be connected, with commas between them; "
        "while one is not, nobody works. With the name of a database and a slash before it, one of that server.",
    )
    cores: int = Field(default=0, ge=0, le=4096, description="Cores of each server, for the limit `active_per_core`.")
    checks: Annotated[tuple[CheckSetting, ...], NoDecode, BeforeValidator(_checks)] = Field(
        default=(),
        description="Checks of your own, as JSON or as tables of backfill.toml: `name` and `sql` or `url`, "
        "`limit` where the answer is a number, and `database` where there are several.",
    )
