"""What the operator sets for people: when a run may work, who has to approve it, and who is told of it."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class PeopleSettings(BaseSettings):
    """A part of `Settings`, which has the rest and where all of it is read from."""

    require_approval: bool = Field(
        default=False,
        description="Every run is only proposed when it is asked for, and begins when somebody else has approved it: "
        "`backfill approve`.",
    )
