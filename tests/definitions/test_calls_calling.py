"""How a function is called: so many at once, so many a second, again where it may help, and not for ever."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from backfill.definitions import Refused
from backfill.definitions.calls import calling
from backfill.definitions.calls.answers import Answer, Function, Gave, Raised, Row
from backfill.definitions.calls.calling import BEGIN_WITHIN_SECONDS, Caller, RunsIn, Terms
from backfill.runs.failures import BatchFailed, Failure
from tests.support import called
from tests.support.waiting import in_time, wait_until

KINDS = (RunsIn.LOOP, RunsIn.THREADS)


def rows(count: int) -> list[Row]:
    return [Row({"id": number}) for number in range(count)]


def caller_of(function: Callable[..., Any], runs_in: RunsIn, **about: Any) -> Caller:
    retry_on, batched = about.pop("retry_on", ()), about.pop("batched", False)
    terms = Terms(**{"runs_in": runs_in, "concurrency": 4, "timeout": 10.0, **about})
    return Caller(Function(function=function, batched=batched, retry_on=retry_on), terms)


def on(runs_in: RunsIn, function: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """The same, as a function of that kind."""

    async def on_the_loop(row: Row) -> Any:
        return function(row)

    return on_the_loop if runs_in is RunsIn.LOOP else function


@pytest.mark.parametrize("runs_in", KINDS)
async def test_answers_come_in_the_order_of_the_rows_and_an_exception_is_its_rows_alone(runs_in: RunsIn) -> None:
    def give(row: Row) -> Any:
        if row.id == 3:
            raise KeyError("alice@example.com")
        return row.id

    answers = await caller_of(on(runs_in, give), runs_in).answers(rows(10))

    (raised,) = [answer for answer in answers if isinstance(answer, Raised)]
    assert raised.reason.startswith("the function raised KeyError at test_calls_calling.py:")
    assert [answer.value for answer in answers if isinstance(answer, Gave)] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


async def test_no_more_calls_go_on_at_once_than_it_says_over_all_batches() -> None:
    going_on, most = Counter[str](), Counter[str]()

    async def give(row: Row) -> None:
        going_on["now"] += 1
        most["ever"] = max(most["ever"], going_on["now"])
        await called.take_a_moment()
        going_on["now"] -= 1

    caller = caller_of(give, RunsIn.LOOP, concurrency=5)
    answers = await asyncio.gather(caller.answers(rows(40)), caller.answers(rows(40)))

    assert (most["ever"], [len(found) for found in answers]) == (5, [40, 40])


async def test_calls_are_begun_for_a_second_and_the_rest_is_left() -> None:
    began = time.monotonic()

    answers = await caller_of(called.take_a_while, RunsIn.THREADS).answers(rows(10_000))

    assert 0 < len(answers) < 10_000
    seconds = time.monotonic() - began
    assert seconds >= BEGIN_WITHIN_SECONDS
    assert in_time(seconds, 5)


async def test_quick_rows_share_a_hand_over_and_slow_ones_do_not() -> None:
    quick = caller_of(lambda row: row.id, RunsIn.THREADS)
    slow = caller_of(called.take_a_while, RunsIn.THREADS)

    async def share_a_hand_over() -> bool:
        await quick.answers(rows(500))
        return quick._rows_of_a_call(500) > 20

    await wait_until(share_a_hand_over)
    await slow.answers(rows(8))

    assert slow._rows_of_a_call(500) == 1


@pytest.mark.parametrize("runs_in", KINDS)
async def test_a_call_that_does_not_come_back_is_given_up_and_the_others_go_on(runs_in: RunsIn) -> None:
    never = threading.Event()

    def hang(row: Row) -> int:
        if row.id == 1:
            never.wait()
        return int(row.id)

    async def hang_on_the_loop(row: Row) -> int:
        if row.id == 1:
            await asyncio.Event().wait()
        return int(row.id)

    function = hang_on_the_loop if runs_in is RunsIn.LOOP else hang
    answers = await caller_of(function, runs_in, concurrency=1, timeout=0.5).answers(rows(4))
    never.set()

    assert answers[1] == Raised("the function did not come back within 0.5 seconds")
    assert [answer.value for answer in answers if isinstance(answer, Gave)] == [0, 2, 3]


async def test_what_may_help_is_tried_again_after_a_wait_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "AGAIN_FIRST_SECONDS", 0.01)
    tries = Counter[int]()

    async def ask(row: Row) -> int:
        tries[row.id] += 1
        if row.id == 0 and tries[0] < 3:
            raise ConnectionResetError
        if row.id == 1:
            raise TimeoutError
        if row.id == 2:
            raise ValueError
        return int(row.id)

    caller = caller_of(ask, RunsIn.LOOP, attempts=3, retry_on=(ConnectionError, TimeoutError))
    answers = await caller.answers(rows(4))

    assert tries == {0: 3, 1: 3, 2: 1, 3: 1}
    assert [type(answer) for answer in answers] == [Gave, Raised, Raised, Gave]


async def test_calls_are_begun_evenly_at_the_rate_and_a_batch_does_not_wait_for_all_of_its_turns() -> None:
    begun: list[float] = []

    async def ask(row: Row) -> None:
        begun.append(time.monotonic())

    caller = caller_of(ask, RunsIn.LOOP, rate=40.0)
    answers = [*await caller.answers(rows(100)), *await caller.answers(rows(100))]

    took = begun[-1] - begun[0]
    assert len(answers) <= min(2 * BEGIN_WITHIN_SECONDS, took) * 40 + 2
    assert in_time(2 * BEGIN_WITHIN_SECONDS - len(answers) / 40, 2 / 40, "what passed without a turn")


async def test_a_list_of_rows_is_taken_apart_where_its_call_raises() -> None:
    sizes: list[int] = []

    def give(given: list[Row]) -> list[int]:
        sizes.append(len(given))
        if any(row.id == 5 for row in given):
            raise ValueError
        return [row.id for row in given]

    caller = caller_of(give, RunsIn.THREADS, concurrency=1, together=4, batched=True)
    answers = await caller.answers(rows(8))

    assert sizes == [4, 4, 1, 1, 1, 1]
    assert [isinstance(answer, Raised) for answer in answers].index(True) == 5
    assert sum(isinstance(answer, Raised) for answer in answers) == 1


async def test_a_list_with_fewer_answers_than_rows_gives_none_of_them() -> None:
    answers = await caller_of(lambda given: [1], RunsIn.THREADS, together=4, batched=True).answers(rows(2))

    assert answers == [Gave(1), Gave(1)]  # by itself each has one


def act_rows(*does: str) -> list[Row]:
    return [Row({"id": number, "text": what}) for number, what in enumerate(does)]


async def answers_of(*does: str, **about: Any) -> list[Answer]:
    terms = Terms(**{"runs_in": RunsIn.PROCESSES, "concurrency": 2, "timeout": 20.0, **about})
    caller, waiting = Caller(called.act.function, terms), act_rows(*does)
    found: list[Answer] = []
    while len(found) < len(waiting):  # a process that has to begin anew takes the time of some
        found += await caller.answers(waiting[len(found) :])
    return found


async def test_a_process_that_dies_is_its_rows_fault_once_it_has_died_twice() -> None:
    answers = await answers_of("tell", "die", "tell", "raise", "give what cannot be handed back")

    pids = [answer.value["sha256"] for answer in answers if isinstance(answer, Gave)]
    assert len(pids) == 2
    assert str(os.getpid()) not in pids
    died, raised, unsendable = (answer.reason for answer in answers if isinstance(answer, Raised))
    assert died == "the process of the function ended in the middle of the call"
    assert raised.startswith("the function raised ValueError at called.py:")
    assert unsendable.startswith("handing back what the function gave raised ")


async def test_a_process_that_does_not_come_back_is_ended_and_another_goes_on() -> None:
    answers = await answers_of("hang", "tell", concurrency=1, timeout=1.0)

    assert [type(answer) for answer in answers] == [Raised, Gave]


async def test_a_function_that_another_process_cannot_find_is_nobodys_row() -> None:
    def hidden(row: Row) -> None: ...

    caller = caller_of(hidden, RunsIn.PROCESSES)

    with pytest.raises(BatchFailed, match=r"hidden cannot begin: finding .* raised AttributeError") as told:
        await caller.answers(rows(1))
    assert told.value.failure is Failure.BUG


async def test_an_exception_in_place_of_an_answer_is_its_rows_and_a_refusal_is_told_in_its_own_words() -> None:
    def give(together: list[Row]) -> list[Any]:
        special = {1: Refused("it has no files"), 2: ValueError("alice@example.com")}
        return [special.get(row.id, row.id) for row in together]

    caller = caller_of(give, RunsIn.THREADS, batched=True, together=4)
    answers = await caller.answers(rows(4))

    told = [answer.reason if isinstance(answer, Raised) else answer.value for answer in answers]
    assert told == [0, "the function refused the row: it has no files", "the function raised ValueError", 3]
