"""Calls of a function for the rows of a batch: so many at once, so many a second, again where that may help.

The bounds are the process's and not a batch's: ranges that are worked on at once share them, so that the function is
kept busy while one of them reads or writes. A batch begins calls for about a second, so that a pause, a cancellation or
the end of the worker need not wait for more than that and the calls that go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import Any

from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt, wait_random_exponential

from backfill.definitions.calls.answers import THE_FUNCTION, Answer, Answers, Function, Raised, Row
from backfill.definitions.calls.children import CannotBegin, Child, ChildEnded
from backfill.definitions.calls.threads import Threads
from backfill.runs.failures import BatchFailed, Failure

BEGIN_WITHIN_SECONDS = 0.75
# Handing work to a thread or a process and back takes about a tenth of a millisecond: quick rows go together.
TOGETHER_SECONDS = 0.005
TOGETHER_MOST = 100
SMOOTHING = 0.3
AGAIN_FIRST_SECONDS = 0.2
AGAIN_LONGEST_SECONDS = 5.0


class RunsIn(StrEnum):
    """Where a function works: an `async` one on the worker's own loop, a plain one beside it."""

    LOOP = "loop"
    THREADS = "threads"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """In one worker process: `concurrency` calls at once, `rate` begun a second. `timeout` seconds for each call,
    `attempts` where one raises what may be tried again; a call is for `together` rows, where the function takes a list.
    """

    runs_in: RunsIn
    concurrency: int
    timeout: float
    rate: float | None = None
    attempts: int = 1
    together: int = 1

    @property
    def longest_seconds(self) -> float:
        """From the beginning of a batch's calls to the end of the last."""
        return BEGIN_WITHIN_SECONDS + self.attempts * (self.timeout + AGAIN_LONGEST_SECONDS)


@dataclass(slots=True)
class _Work:
    """One batch's rows; answers come in any order, but calls begin in the order of the rows."""

    rows: Sequence[Row]
    besides: Sequence[Any]
    begun: int = 0
    turns: int = 0
    until: float = 0.0
    answers: dict[int, Answer] = field(default_factory=dict)

    def may_begin(self, at: float) -> bool:
        """Whether there is time for a call then. The first one always has it, and with it the time begins."""
        if self.turns == 0:
            self.until = at + BEGIN_WITHIN_SECONDS
        elif at >= self.until or self.begun >= len(self.rows):
            return False
        self.turns += 1
        return True

    def take(self, most: int) -> tuple[int, Sequence[Row]]:
        """Where the next rows are, and they."""
        first = self.begun
        rows = self.rows[first : first + most]
        self.begun += len(rows)
        return first, rows


class Caller:
    """Of one function in one process. What processes it has of its own end with it, at the latest with this process."""

    def __init__(self, function: Function, terms: Terms) -> None:
        self._function = function
        self._terms = terms
        self._slots = asyncio.Semaphore(terms.concurrency)
        self._threads = Threads()
        self._children: deque[Child] = deque()
        self._starting = asyncio.Lock()
        self._started = False
        self._row_seconds: float | None = None
        self._next_turn = 0.0

    async def answers(self, rows: Sequence[Row], *besides: Any) -> list[Answer]:
        """In the order of the rows; of the last ones there is none where the time was over, but there is one at least.

        Raises BatchFailed where the function cannot be called at all.
        """
        work = _Work(rows, besides)
        await self._start_processes()
        lanes = [asyncio.create_task(self._lane(work)) for _ in range(min(self._terms.concurrency, len(rows)))]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        return [work.answers[place] for place in range(work.begun)]

    def expected_rows(self) -> int | None:
        """About how many there will be time for, once that is known."""
        if self._row_seconds is None:
            return None
        at_once = BEGIN_WITHIN_SECONDS * self._terms.concurrency / max(self._row_seconds, 1e-9)
        by_rate = BEGIN_WITHIN_SECONDS * (self._terms.rate or float("inf")) * self._terms.together
        return int(min(at_once, by_rate, 1e9)) + self._terms.concurrency

    async def _start_processes(self) -> None:
        """All of them before the first call, so that no call's time goes into it."""
        async with self._starting:
            if self._terms.runs_in is not RunsIn.PROCESSES or self._started:
                return
            children = [Child(self._function.place) for _ in range(self._terms.concurrency)]
            await asyncio.gather(*(self._start(child) for child in children))
            self._children.extend(children)
            self._started = True

    async def _start(self, child: Child) -> None:
        try:
            await self._threads.run(child.start)
        except CannotBegin as error:
            raise BatchFailed(Failure.BUG, str(error), sqlstate=None) from error

    async def _lane(self, work: _Work) -> None:
        while True:
            async with self._slots:
                if not await self._turn(work):
                    return
                first, rows = work.take(self._rows_of_a_call(len(work.rows)))
                if not rows:
                    return
                for place, answer in enumerate(await self._call(rows, work.besides), start=first):
                    work.answers[place] = answer

    def _rows_of_a_call(self, waiting: int) -> int:
        terms = self._terms
        if terms.together > 1:
            return terms.together
        if terms.runs_in is RunsIn.LOOP or terms.rate or terms.attempts > 1 or self._row_seconds is None:
            return 1
        share = -(-waiting // terms.concurrency)
        return max(1, min(int(TOGETHER_SECONDS / max(self._row_seconds, 1e-9)), share, TOGETHER_MOST))

    async def _turn(self, work: _Work) -> bool:
        """As many a second as the rate allows, evenly. False: there is no time for another call."""
        now = monotonic()
        if self._terms.rate is None:
            return work.may_begin(now)
        turn = max(self._next_turn, now)
        if not work.may_begin(turn):
            return False
        self._next_turn = turn + 1 / self._terms.rate
        await asyncio.sleep(turn - now)
        return True

    async def _call(self, rows: Sequence[Row], besides: Sequence[Any]) -> list[Answer]:
        """Where a call for several rows came to nothing, each of them by itself."""
        answers = await self._tried(rows, besides)
        if not isinstance(answers, Raised):
            return answers
        if len(rows) == 1:
            return [answers]
        return [answer for row in rows for answer in await self._call([row], besides)]

    async def _tried(self, rows: Sequence[Row], besides: Sequence[Any]) -> Answers:
        if self._terms.attempts == 1:
            return await self._once(rows, besides)
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._terms.attempts),
            wait=wait_random_exponential(multiplier=AGAIN_FIRST_SECONDS, max=AGAIN_LONGEST_SECONDS),
            retry=retry_if_result(_may_be_tried_again),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
        )
        answers: Answers = await retrying(self._once, rows, besides)
        return answers

    async def _once(self, rows: Sequence[Row], besides: Sequence[Any]) -> Answers:
        began = monotonic()
        try:
            return await self._performed(rows, besides)
        except TimeoutError:
            again = issubclass(TimeoutError, self._function.retry_on)
            return Raised(f"{THE_FUNCTION} did not come back within {self._terms.timeout:g} seconds", again=again)
        except ChildEnded:
            return Raised(f"the process of {THE_FUNCTION} ended in the middle of the call")
        finally:
            self._note((monotonic() - began) / len(rows))

    def _note(self, row_seconds: float) -> None:
        known = row_seconds if self._row_seconds is None else self._row_seconds
        self._row_seconds = known + SMOOTHING * (row_seconds - known)

    async def _performed(self, rows: Sequence[Row], besides: Sequence[Any]) -> Answers:
        """Raises TimeoutError, ChildEnded, BatchFailed."""
        match self._terms.runs_in:
            case RunsIn.PROCESSES:
                try:
                    return await self._in_process(rows, besides)
                except ChildEnded:  # perhaps by whoever ended all of a group, or for want of memory
                    return await self._in_process(rows, besides)
            case RunsIn.THREADS:
                async with asyncio.timeout(self._terms.timeout):
                    return await self._threads.run(partial(self._function.apply, rows, *besides))
            case RunsIn.LOOP:
                async with asyncio.timeout(self._terms.timeout):
                    return await self._function.apply_async(rows, *besides)

    async def _in_process(self, rows: Sequence[Row], besides: Sequence[Any]) -> Answers:
        child = self._children.pop() if self._children else Child(self._function.place)
        try:
            await self._start(child)
            async with asyncio.timeout(self._terms.timeout):
                answers = await self._threads.run(partial(child.call, rows, *besides))
        except BaseException:
            child.kill()
            raise
        self._children.append(child)
        return answers


def _may_be_tried_again(answers: Answers) -> bool:
    each = [answers] if isinstance(answers, Raised) else answers
    return any(isinstance(answer, Raised) and answer.again for answer in each)
