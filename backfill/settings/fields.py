"""What the operator sets, in the environment or in a file `.env` in the working directory.

An application can ship settings of its own in a file `backfill.toml`, or `config/backfill.toml`, in that directory:
the names are the variables' without their prefix and in lower case. The environment and `.env` outrank it.

Every setting has a default, so a fresh checkout needs none. A mistake is told by the variable's own name,
all mistakes at once, and a `BACKFILL_` variable that means nothing is a mistake too: a typing error would
otherwise leave the default in force without a word. Values that may hold a password are never repeated; the two
URLs, which do hold one, can be kept in files of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from backfill.late_logging import LogFormat, LogLevel
from backfill.runs.errors import SettingsError
from backfill.settings.autopilot import AutopilotSettings
from backfill.settings.databases import DatabasesSettings
from backfill.settings.mistakes import ENV_FILE, PREFIX
from backfill.settings.people import PeopleSettings
from backfill.settings.secret_files import content_of
from backfill.shipped import FILES
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


def _split(value: object) -> object:
    return (
        tuple(part for part in (one.strip() for one in value.split(",")) if part) if isinstance(value, str) else value
    )


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]

# The file is read with the other settings, so a mistake in it is told with theirs, by the variable that names it.
DatabaseUrlInFile = Annotated[DatabaseUrl, BeforeValidator(content_of)]
RedisUrlInFile = Annotated[RedisUrl, BeforeValidator(content_of)]


class Settings(AutopilotSettings, PeopleSettings, DatabasesSettings):
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
        description="Redis or Valkey for the queue and the progress, `redis://:password@host:port/0`; "
        "with Sentinel `redis+sentinel://:password@host:26379,host2:26379/service/0`. "
        "Not set: an embedded Valkey.",
    )
    redis_url_file: RedisUrlInFile | None = Field(
        default=None,
        validation_alias="REDIS_URL_FILE",
        description="A file that holds REDIS_URL; instead of REDIS_URL.",
    )
    definitions: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Modules that define backfills, with commas between them, such as `shop.backfills`. What installed "
        "packages define as entry points `backfill.definitions` is found besides.",
    )
    embedded_dir: Path = Field(
        default=Path(".embedded"),
        description="Folder of the embedded servers' programs and data, seen from the working directory.",
    )
    embedded_database: str = Field(
        default="application",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="Name of the embedded PostgreSQL's database, and of the role that owns it.",
    )
    parallel: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Ranges of one run that are worked on at once, over all workers. Where it is not set, the "
        "autopilot may have 2.",
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
        description="Milliseconds that one transaction should take; its number of rows follows from it. By the "
        "autopilot that is the most, 50 where it is not set; beside an application a transaction is shorter.",
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
        default=20,
        ge=0,
        le=60_000,
        description="Milliseconds of rest after every transaction; 0: as fast as it goes. Where it is not set, the "
        "autopilot alone decides how long a rest is; where it is, no rest is shorter.",
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
    title: str = Field(
        default="Online backfill", min_length=1, max_length=80, description="Name of the HTTP service, on its pages."
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first one that has a value is heard; what an application ships with is asked last."""
        shipped = TomlConfigSettingsSource(settings_cls, FILES)
        return init_settings, env_settings, dotenv_settings, shipped

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

    @model_validator(mode="after")
    def _checks_are_in_databases_that_are_there(self) -> Self:
        for check in self.checks:
            if check.database and check.database not in self.databases:
                raise ValueError(f"BACKFILL_CHECKS: {check.name}: DATABASES has no database called {check.database!r}")
        return self
