"""How signals are asked: several in one short transaction, and one that fails is that one's own answer.

No error leaves from here. A signal that cannot be read is a reading that says so, with the server's reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.limits import DEFAULT_LIMITS
from backfill.runs.readings import Reading, read_nothing
from backfill.sql.folder import SqlFolder
from backfill.sql.transactions import Limits, rolled_back

QUERIES = SqlFolder("backfill.autopilot.signals")
# A signal that is slow is one that cannot be read.
TIMES = Limits(
    lock_timeout_ms=200, statement_timeout_ms=1500, scan_timeout_ms=1500, idle_in_transaction_timeout_ms=5000
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a signal is given: the operator's limits by name, who is ours, the time in seconds of a steady clock.

    `memory` is the signal's own, from one look to the next: rates need it.
    """

    connection: AsyncConnection
    limits: Mapping[str, float | None] = field(default_factory=lambda: DEFAULT_LIMITS)
    ours: tuple[str, ...] = ()
    expected_standbys: tuple[str, ...] = ()
    cores: int = 0
    seconds: float = 0.0
    memory: dict[str, float] = field(default_factory=dict)

    async def rows(self, query: str, **parameters: object) -> Sequence[Row[tuple[object, ...]]]:
        return (await QUERIES.run(self.connection, query, parameters)).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """`about` says in a sentence what it tells, `needs` which rights it wants beyond those of everybody.

    `of_database`: each database of a server has its own; others are the server's, and read in any one.
    """

    name: str
    about: str
    read: Callable[[Look], Awaitable[Sequence[Reading]]]
    every_seconds: float = 0.5
    needs: str = ""
    warns: bool = False
    of_database: bool = False


async def read_signals(
    engine: AsyncEngine, signals: Sequence[Signal], look: Callable[[Signal, AsyncConnection], Look]
) -> Mapping[str, Sequence[Reading]]:
    """The readings of each signal by its name."""
    found: dict[str, Sequence[Reading]] = {}
    left = list(signals)
    while left:
        try:
            async with rolled_back(engine, TIMES) as connection:
                while left:
                    found[left[0].name] = await left[0].read(look(left[0], connection))
                    left.pop(0)
        except BatchFailed as failed:
            lost = left if failed.failure is Failure.CONNECTION else left[:1]
            found |= {signal.name: [unread(signal, failed.message)] for signal in lost}
            left = left[len(lost) :]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this signal's, and no green light
            found[left[0].name] = [unread(left[0], type(error).__name__)]
            left.pop(0)
    return found


def unread(signal: Signal, why: str) -> Reading:
    return read_nothing(signal.name, why, warns=signal.warns)
