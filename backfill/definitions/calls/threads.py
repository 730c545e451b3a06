"""Blocking work beside the loop, in threads that nobody waits for at the end.

A thread cannot be ended from outside. One whose work never comes back is given up: whoever waited goes on, the next
work gets a thread of its own, and the process ends without it. The pools of the standard library wait for all of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


@dataclass(slots=True)
class Threads:
    """As many as there is work at once: whoever calls `run` bounds it."""

    _idle: list[SimpleQueue[_Job]] = field(default_factory=list)

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Whatever the work raises is raised here. Cancelled: the work goes on, and its answer is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        jobs = self._idle.pop() if self._idle else self._started()
        jobs.put(_Job(work, loop, future))
        return await future

    def _started(self) -> SimpleQueue[_Job]:
        jobs: SimpleQueue[_Job] = SimpleQueue()
        threading.Thread(target=self._serve, args=(jobs,), name="backfill-call", daemon=True).start()
        return jobs

    def _serve(self, jobs: SimpleQueue[_Job]) -> None:
        while True:
            job = jobs.get()
            try:
                answer, error = job.work(), None
            except BaseException as raised:  # noqa: BLE001 - handed to who waits
                answer, error = None, raised
            self._idle.append(jobs)
            with suppress(RuntimeError):  # the loop is closed by now
                job.loop.call_soon_threadsafe(_deliver, job.future, answer, error)
            del job, answer, error  # not kept until the next work comes


def _deliver(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
