"""What the operator sets for people: when a run may work, who has to approve it, and who is told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from backfill.runs.errors import UsageError
from backfill.runs.window import window_of


def _window(text: str) -> str:
    try:
        return str(window_of(text) or "")
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from None


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
