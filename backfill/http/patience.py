"""Waiting for an answer up to a moment, and no longer, whatever the one who is to give it does.

What is broken off may need a while to end: a driver says goodbye to its server first, and that may be the one that does
not answer. Nobody waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


async def within(seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Raises TimeoutError, and then the work ends by itself, whenever that is."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        abandon(task)
        raise
    if not task.done():
        abandon(task)
        raise TimeoutError
    return task.result()


def abandon(task: asyncio.Future[Any]) -> None:
    task.add_done_callback(_look_away)
    task.cancel()


def _look_away(task: asyncio.Future[Any]) -> None:
    """Whatever it ended with concerns nobody any more, and is not logged as forgotten."""
    if not task.cancelled():
        task.exception()
