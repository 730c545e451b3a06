"""A campaign: rounds on servers of its own, one after the other, until their number or the time is reached."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded import use_embedded
from backfill.embedded.locks import FileLock
from tests.proof.campaign.ledger import Ledger
from tests.proof.campaign.plan import RoundPlan, plan_round, seeds_of_rounds
from tests.proof.campaign.rounds import Field, play
from tests.support.commands import REPOSITORY
from tests.support.databases import migrate, new_database
from tests.support.own_servers import OwnServers
from tests.support.waiting import wait_until

OLD_REVISION = "e011ab9dd223"
TURN_SECONDS = 24 * 3600.0
PLACE = REPOSITORY / "tests" / "proof" / "campaign" / ".embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Whichever is reached first ends it; a round that has begun is played to its end."""

    seconds: float
    rounds: int = sys.maxsize


RoundOver = Callable[[int, RoundPlan, Ledger, float], None]
"""Gets the round's number, its plan, what came of it, and the seconds that it took."""


async def campaign(field: Field, seed: int, bounds: Bounds, ledger: Ledger, told: RoundOver) -> None:
    """Adds each round to the ledger when it is over."""
    ends_at = time.monotonic() + bounds.seconds
    for number, round_seed in enumerate(seeds_of_rounds(seed), 1):
        if number > bounds.rounds or time.monotonic() >= ends_at:
            return
        plan, this, began = plan_round(round_seed), Ledger(), time.monotonic()
        try:
            await play(field, plan, this)
        finally:
            ledger.add(this)
        told(number, plan, this, time.monotonic() - began)


@asynccontextmanager
async def own_field(logs: Path) -> AsyncIterator[Field]:
    """Servers that nobody else uses, because they are about to be killed; one campaign of a checkout at a time."""
    PLACE.mkdir(mode=0o711, exist_ok=True)  # the servers may run as another user
    folder = PLACE / "breakable"
    with FileLock(PLACE / "campaign.lock") as turn:
        await wait_until(turn.try_exclusive, TURN_SECONDS)
        with use_embedded(folder) as embedded:
            async with new_database(embedded.urls.database_url) as url:
                migrate(url, OLD_REVISION)
                yield Field(servers=OwnServers(folder, embedded.urls), template_url=url, logs=logs)
