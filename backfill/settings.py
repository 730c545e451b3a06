"""What the operator sets, in the environment or in a file `.env` in the working directory.

Every setting has a default, so a fresh checkout needs none. A mistake is told by the variable's own name,
all mistakes at once, and a `BACKFILL_` variable that means nothing is a mistake too: a typing error would
otherwise leave the default in force without a word. Values that may hold a password are never repeated; the two
URLs, which do hold one, can be kept in files of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, get_args

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from backfill.late_logging import LogFormat, LogLevel
from backfill.mistakes import ENV_FILE, PREFIX, as_error, env_name, unknown_names, wrong_value
from backfill.runs.errors import SettingsError
from backfill.secret_files import content_of
from backfill.urls import read_database_url, read_redis_url


def _database_url(secret: SecretStr) -> SecretStr:
    """What can be told without connecting."""
    try:
        read_database_url(secret.get_secret_value())
    except SettingsError as error:
        # `from None`: pydantic's error would quote what it was given.
        raise ValueError(str(error).removeprefix("DATABASE_URL").lstrip(": ").rstrip(".")) from None
    return secret


def _redis_url(secret: SecretStr) -> SecretStr:
    try:
        read_redis_url(secret.get_secret_value())
    except SettingsError as error:
        raise ValueError(str(error).removeprefix("REDIS_URL").lstrip(": ").rstrip(".")) from None
    return secret


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]

# The file is read with the other settings, so a mistake in it is told with theirs, by the variable that names it.
DatabaseUrlInFile = Annotated[DatabaseUrl, BeforeValidator(content_of)]
RedisUrlInFile = Annotated[RedisUrl, BeforeValidator(content_of)]


class Settings(BaseSettings):
    """The settings in force; they do not change while the program runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # a compose file passes an unset variable on as an empty one
        extra="ignore",  # .env may serve other programs; what begins with our prefix is checked below
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    database_url: DatabaseUrl | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="The application's PostgreSQL, `postgresql://user:password@host:port/database`. "
        "Not set: an embedded PostgreSQL.",
    )
    database_url_file: DatabaseUrlInFile | None = Field(
        default=None,
        validation_alias="DATABASE_URL_FILE",
        description="A file that holds DATABASE_URL, such as a Docker or Kubernetes secret; instead of DATABASE_URL.",
    )
    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        description="Redis or Valkey for the queue and the progress, `redis://:password@host:port/0`. "
        "Not set: an embedded Valkey.",
    )
    redis_url_file: RedisUrlInFile | None = Field(
        default=None,
        validation_alias="REDIS_URL_FILE",
        description="A file that holds REDIS_URL; instead of REDIS_URL.",
    )
    embedded_dir: Path = Field(
        default=Path(".embedded"),
        description="Folder of the embedded servers' programs and data, seen from the working directory.",
    )
    parallel: int = Field(
        default=1, ge=1, le=64, description="Ranges of one run that are worked on at once, over all workers."
    )
    batch_rows: int = Field(
        default=2000,
        ge=10,
        le=100_000,
        description="Rows that one transaction writes at most. The application waits at most one transaction.",
    )
    target_ms: int = Field(
        default=20,
        ge=5,
        le=5_000,
        description="Milliseconds that one transaction should take; its number of rows follows from it.",
    )
    rows_per_second: int = Field(
        default=0, ge=0, le=10_000_000, description="Rows written per second over all workers at most; 0: no limit."
    )
    quarantine_share: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="Share of the units that may fail before the run is paused for an operator (20 units at least).",
    )
    keep_runs_days: int = Field(
        default=365, ge=0, le=36_500, description="Days for which Redis keeps a run after its end; 0: for ever."
    )
    slice_seconds: float = Field(
        default=5.0, ge=0.1, le=60.0, description="Seconds that a worker stays with a range before it lets others on."
    )
    lease_seconds: float = Field(
        default=3.0,
        ge=0.2,
        le=60.0,
        description="Seconds after which the range of a worker that has gone silent is given to another.",
    )
    pause_ms: int = Field(
        default=20, ge=0, le=60_000, description="Milliseconds of rest after every transaction; 0: as fast as it goes."
    )
    lock_timeout_ms: int = Field(
        default=500, ge=1, le=60_000, description="Milliseconds that a statement of the backfill waits for a lock."
    )
    statement_timeout_ms: int = Field(
        default=5000,
        ge=10,
        le=600_000,
        description="Milliseconds after which PostgreSQL ends a statement of the backfill; the batch is halved then.",
    )
    idle_in_transaction_timeout_ms: int = Field(
        default=5000,
        ge=10,
        le=600_000,
        description="Milliseconds after which PostgreSQL ends a transaction whose worker has stopped answering.",
    )
    database_timeout_seconds: float = Field(
        default=30.0,
        ge=0.1,
        le=3600.0,
        description="Seconds that a worker waits for PostgreSQL's answer to one call; "
        "longer than BACKFILL_STATEMENT_TIMEOUT_MS.",
    )
    redis_timeout_seconds: float = Field(
        default=5.0, ge=0.1, le=60.0, description="Seconds that a worker waits for Redis's answer to one call."
    )
    redis_prefix: str = Field(
        default="backfill",
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
        description="What every key and queue name in Redis begins with: 1 to 64 letters, digits, `_ . : -`.",
    )
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        default="INFO", description="The least serious messages that are shown."
    )
    log_format: LogFormat = Field(
        default="auto",
        description="`console` for a person, `json` for a log collector, `auto` by the terminal; "
        "`auto` of Alembic is for a person.",
    )
    http_host: str = Field(default="127.0.0.1", min_length=1, description="Address that `backfill serve` listens on.")
    http_port: int = Field(
        default=8080, ge=0, le=65_535, description="Port that `backfill serve` listens on; 0 takes a free one."
    )
    tokens: SecretStr | None = Field(
        default=None,
        description="Access tokens of the HTTP service, hashed: `name:scope:hash`, several with commas between them. "
        "`backfill token` makes one.",
    )
    tokens_file: Path | None = Field(
        default=None,
        description="A file with the same, one to a line; what follows a `#` is a comment. "
        "Without tokens the service listens on loopback addresses only.",
    )
    http_requests_per_minute: int = Field(
        default=6000,
        ge=1,
        le=1_000_000,
        description="Requests per minute that one caller may make of the HTTP service.",
    )
    http_streams: int = Field(
        default=1000, ge=1, le=100_000, description="Live event streams that the HTTP service keeps open at once."
    )
    migration_lock_timeout_ms: int = Field(
        default=400,
        ge=10,
        le=10_000,
        description="Milliseconds that a schema change waits for its lock before it steps back and tries again; "
        "the application waits behind it for as long.",
    )
    migration_patience_seconds: float = Field(
        default=900.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds over which a schema change goes on trying before the upgrade gives up.",
    )
    pgbouncer: bool = Field(
        default=False,
        description="Set to `true` when DATABASE_URL leads to PgBouncer in transaction mode: "
        "no prepared statements, no session state.",
    )

    @model_validator(mode="after")
    def _urls_come_from_one_place(self) -> Self:
        for name in ("database_url", "redis_url"):
            in_file = getattr(self, f"{name}_file")
            if in_file is None:
                continue
            if getattr(self, name) is not None:
                raise ValueError(f"{name.upper()}_FILE: {name.upper()} is set as well; remove one of the two")
            object.__setattr__(self, name, in_file)  # frozen is for everybody else; nobody has seen it yet
        return self

    @model_validator(mode="after")
    def _the_server_gives_up_first(self) -> Self:
        if self.database_timeout_seconds * 1000 <= self.statement_timeout_ms:
            raise ValueError(
                "BACKFILL_DATABASE_TIMEOUT_SECONDS: must be longer than BACKFILL_STATEMENT_TIMEOUT_MS "
                f"({self.statement_timeout_ms} ms), or a slow statement looks like a lost connection"
            )
        return self


def load_settings() -> Settings:
    """Reads the environment and `.env`; raises SettingsError with every mistake in them, by name."""
    fields = Settings.model_fields
    mistakes = unknown_names({*os.environ, *_names_in_env_file()}, fields)
    try:
        settings = Settings()
    except ValidationError as error:
        mistakes += [wrong_value(detail, fields) for detail in error.errors(include_url=False)]
    else:
        if not mistakes:
            return settings
    # `from None`: pydantic's error holds the values that it was given.
    raise as_error(mistakes) from None


def _names_in_env_file() -> Iterable[str]:
    try:
        return dotenv_values(ENV_FILE, encoding="utf-8").keys()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The file {ENV_FILE} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.",
            "Make it readable or remove it.",
        ) from error


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
        for field_name, field in Settings.model_fields.items()
    ]


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: FieldInfo) -> str:
    bounds = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "le") if hasattr(rule, name)}
    if bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    if field.annotation is bool:
        return "true, false"
    return ", ".join(str(choice) for choice in get_args(field.annotation) if isinstance(choice, str))
