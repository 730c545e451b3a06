"""Waiting for what another process or task does: asking again until a deadline, never sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar, overload

_POLL_SECONDS = 0.02

Answer = TypeVar("Answer")


class TooLate(AssertionError):
    """Not true by its time, which is all that a busy machine can do to a test: only this is tried once more."""


def in_time(seconds: float, at_most: float, what: str = "it") -> bool:
    """True, for an assert. TooLate if it took more than `at_most` seconds."""
    if seconds > at_most:
        raise TooLate(f"{what} took {seconds:.3f} s, and may take {at_most:g} s")
    return True


@overload
async def wait_until(predicate: Callable[[], Awaitable[Answer]], deadline_seconds: float = 30.0) -> Answer: ...


@overload
async def wait_until(predicate: Callable[[], Answer], deadline_seconds: float = 30.0) -> Answer: ...


async def wait_until(predicate: Callable[[], object], deadline_seconds: float = 30.0) -> object:
    """The first answer of `predicate`, a plain or an async function, that is true. TooLate at the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        asked = predicate()
        answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TooLate(f"not true within {deadline_seconds:g} seconds: {inspect.getsource(predicate).strip()}")
        await asyncio.sleep(_POLL_SECONDS)


async def again_and_again(every_seconds: float) -> AsyncIterator[None]:
    """For a loop that looks at something for as long as its task goes on."""
    while True:
        yield
        await asyncio.sleep(every_seconds)
