"""What the operator sets for people: when a run may work, who has to approve it, and who is told of it."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from backfill.runs.errors import UsageError
from backfill.runs.window import window_of
from backfill.settings.secret_files import content_of

SHORTEST_SECRET = 16


def _window(text: str) -> str:
    try:
        return str(window_of(text) or "")
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _receiver(secret: SecretStr) -> SecretStr:
    """What can be told without connecting, and without repeating it."""
    url = secret.get_secret_value()
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable, parts = False, urlsplit("")
    if not is_usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it has to be http:// or https://, a host, and a path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("it may have neither a user nor a password nor a fragment")
    return secret


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SHORTEST_SECRET:
        raise ValueError(f"it has to have at least {SHORTEST_SECRET} characters")
    return secret


Receiver = Annotated[SecretStr, AfterValidator(_receiver)]
Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
SecretInFile = Annotated[Secret, BeforeValidator(content_of)]


class PeopleSettings(BaseSettings):
    """A part of `Settings`, which has the rest and where all of it is read from."""

    window: Annotated[str, AfterValidator(_window)] = Field(
        default="",
        description="When runs may work that say nothing else, such as `mon-fri 22:00-06:00, sat-sun 00:00-24:00 "
        "Europe/Vienna`; empty: at any time.",
    )
    require_approval: bool = Field(
        default=False,
        description="Every run is only proposed when it is asked for, and begins when somebody else has approved it: "
        "`backfill approve`.",
    )
    webhook_url: Receiver | None = Field(
        default=None,
        description="Where to tell what happens to runs, `https://host/path`: starts, pauses, ends, quarantine, being "
        "held up for long, and an approval that is wanted; signed. docs/people.md has how to check it.",
    )
    webhook_secret: Secret | None = Field(
        default=None, description="What these messages are signed with: 16 characters or more, known to both sides."
    )
    webhook_secret_file: SecretInFile | None = Field(
        default=None, description="A file that holds it; instead of BACKFILL_WEBHOOK_SECRET."
    )
    webhook_throttled_seconds: float = Field(
        default=300.0, ge=1.0, le=86_400.0, description="Seconds for which a run is held up before that is told."
    )

    @model_validator(mode="after")
    def _what_is_sent_is_signed(self) -> Self:
        if self.webhook_secret_file is not None:
            if self.webhook_secret is not None:
                raise ValueError("BACKFILL_WEBHOOK_SECRET_FILE: BACKFILL_WEBHOOK_SECRET is set as well; remove one")
            object.__setattr__(self, "webhook_secret", self.webhook_secret_file)  # frozen for everybody else
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("BACKFILL_WEBHOOK_URL: it needs BACKFILL_WEBHOOK_SECRET, or its file, and that needs it")
        return self
