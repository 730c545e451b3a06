"""Sessions that take their steps in an order that the test gives: which of them waits is PostgreSQL's to say.

Like isolationtester, with one difference: a step may be the product's own code. A session of the backfill runs the real
`GenerationVersions`, and is stopped before each of its statements and before its COMMIT until the order lets it go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg

STILL_SECONDS = 0.003
"""So long a step may be silent before PostgreSQL is asked whether it waits."""
DEADLINE_SECONDS = 10.0

Step = Callable[[], Awaitable[object]]


class Session(Protocol):
    """An actor with named steps. `error` is the SQLSTATE that the database refused a step with."""

    name: str
    steps: Mapping[str, Step]
    error: str | None

    @property
    def pid(self) -> int:
        """Of its session of the server."""
        ...


@dataclass(slots=True)
class ClientSession:
    """A session of the application: what fails ends its transaction, and only its last step is still taken."""

    name: str
    connection: Any
    steps: Mapping[str, Step]
    error: str | None = None

    @property
    def pid(self) -> int:
        return int(self.connection.get_server_pid())


@dataclass(slots=True)
class _Turn:
    """A session in a play: the step that is under way, and those that have to wait for it."""

    session: Session
    under_way: asyncio.Task[None] | None = None
    step: str = ""
    later: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was seen of an order: steps that had to wait, and refusals by session, as SQLSTATE."""

    order: str
    waited: tuple[str, ...]
    errors: Mapping[str, str]


async def play(observer: Any, sessions: Sequence[Session], order: str) -> Played:
    """Takes the steps in the order `"session step, session step"`; after it, whatever is left to be waited for.

    A step of a session whose step before still waits is put off until that has ended. TimeoutError when a session
    neither ends nor waits for seconds.
    """
    turns = {session.name: _Turn(session) for session in sessions}
    waited: list[str] = []
    for entry in order.split(", "):
        name, step = entry.split(" ")
        turns[name].later.append(step)
        await _let_all_go_on(observer, turns.values(), waited)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while tasks := [turn.under_way for turn in turns.values() if turn.under_way]:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await _let_all_go_on(observer, turns.values(), waited)
    errors = {session.name: session.error for session in sessions if session.error}
    return Played(order=order, waited=tuple(waited), errors=errors)


async def _let_all_go_on(observer: Any, turns: Collection[_Turn], waited: list[str]) -> None:
    """Until every session has ended its steps or waits for another one."""
    going_on = True
    while going_on:
        going_on = False
        for turn in turns:
            if turn.under_way is None and turn.later:
                turn.step = turn.later.pop(0)
                turn.under_way = asyncio.create_task(_take(turn.session, turn.step))
            if turn.under_way is not None and await _ended(observer, turn):
                turn.under_way = None
                going_on = True
            elif turn.under_way is not None and f"{turn.session.name} {turn.step}" not in waited:
                waited.append(f"{turn.session.name} {turn.step}")


async def _ended(observer: Any, turn: _Turn) -> bool:
    """Whether the step has ended, as soon as it has or waits for a lock."""
    assert turn.under_way is not None
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            done, _ = await asyncio.wait([turn.under_way], timeout=STILL_SECONDS)
            if done:
                await turn.under_way
                return True
            if await observer.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", turn.session.pid):
                return False


async def _take(session: Session, step: str) -> None:
    if session.error and step != list(session.steps)[-1]:
        return
    try:
        await session.steps[step]()
    except asyncpg.PostgresError as error:
        session.error = error.sqlstate


def orders_of(sessions: Sequence[Session]) -> Iterator[str]:
    """Every order in which the steps of all sessions can follow each other."""
    yield from map(", ".join, _merged([[f"{one.name} {step}" for step in one.steps] for one in sessions]))


def _merged(lists: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    lists = [one for one in lists if one]
    if not lists:
        yield []
    for place, (first, *rest) in enumerate(lists):
        for tail in _merged([*lists[:place], rest, *lists[place + 1 :]]):
            yield [first, *tail]
