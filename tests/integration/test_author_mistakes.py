"""Code of a definition that raises whatever it likes: the run says so, goes on where it can, and quotes no row."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.contracts import Backfills
from backfill.engine.control import Control
from backfill.engine.guard import guarded
from backfill.engine.previewing import Sampling, preview
from backfill.engine.protocols import Backfill, Previewable
from backfill.logging import setup_logging
from backfill.runs.errors import DefinitionFailed, InvalidParameters, Mistake
from backfill.runs.failures import BatchFailed
from backfill.runs.ranges import Key, Unit
from backfill.runs.record import Run
from backfill.runs.rehearsed import Rehearsed
from backfill.runs.states import State
from backfill.sql.database import open_engine
from tests.support.authored import SECRET, Authored, AuthorsMistake
from tests.support.in_process import BACKFILL, InProcessRun, in_process_run, pace_of
from tests.support.old_rows import OldRows
from tests.support.stepped_backfill import LIMITS
from worker.generations.backfill import GenerationVersions

UNITS = 40
STRIKES = 8


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Whatever is logged meanwhile, which is never to hold the text of an author's exception."""
    stream = io.StringIO()
    setup_logging("DEBUG", "json", stream=stream)
    yield stream
    setup_logging("INFO", "json")
    assert SECRET not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()


async def work_on(run: InProcessRun, backfill: Backfill, *, turns: int = 1) -> Run:
    for _ in range(turns):
        await run.work(backfill)
        run.outlast_leases()
    found = await run.read()
    assert SECRET not in json.dumps([asdict(event) for event in await run.events()])
    assert SECRET not in repr(found)
    return found


async def test_an_exception_of_one_unit_is_bisected_and_quarantined_with_its_class_alone(
    run: InProcessRun, log: io.StringIO
) -> None:
    backfill = Authored(units=UNITS, raises={"settle": AuthorsMistake}, poisoned=["u0017"])

    ended = await work_on(run, backfill)

    (unit,) = ended.quarantined
    assert (ended.state, len(backfill.done), unit.unit_id, unit.sqlstate) == (State.FAILED, UNITS - 1, "u0017", None)
    assert unit.error.startswith("settle raised AuthorsMistake at authored.py:")
    assert '"event": "unit quarantined"' in log.getvalue()
    assert [event.kind for event in await run.events()].count("quarantined") == 1


async def test_what_a_definition_refuses_itself_is_quarantined_without_settling_the_others_again(
    run: InProcessRun, log: io.StringIO
) -> None:
    backfill = Authored(units=UNITS, refused=["u0003", "u0017"])

    ended = await work_on(run, backfill)

    told = {unit.unit_id: unit.error for unit in ended.quarantined}
    assert told == dict.fromkeys(["u0003", "u0017"], "it refuses this one")
    assert (backfill.transactions, ended.counts.units_done) == ([UNITS], UNITS - 2)


async def test_units_that_there_was_no_time_for_come_next_also_those_that_are_put_aside(
    run: InProcessRun, log: io.StringIO
) -> None:
    backfill = Authored(units=UNITS, begins=15, forgotten=[f"u00{number}" for number in range(20, 40)])

    ended = await work_on(run, backfill)

    assert (ended.state, len(backfill.done), ended.counts.units_done) == (State.SUCCEEDED, UNITS, UNITS)
    assert backfill.transactions == [20, 5, 20, 5]


@pytest.mark.parametrize("method", ["plan", "read_page", "check_page", "check_schema"])
async def test_an_exception_that_is_no_units_pauses_the_run_with_a_sentence(
    run: InProcessRun, log: io.StringIO, method: str
) -> None:
    backfill = Authored(units=UNITS, raises={method: AuthorsMistake})

    first = await work_on(run, backfill)
    ended = await work_on(run, backfill, turns=STRIKES - 1)

    assert (first.throttled_by or "").startswith(f"{method} raised AuthorsMistake at authored.py:")
    assert (ended.state, ended.error) == (State.PAUSED, first.throttled_by)


async def test_a_call_that_never_comes_back_is_broken_off_and_its_unit_quarantined(
    run: InProcessRun, log: io.StringIO
) -> None:
    backfill = Authored(units=4, hangs=["settle", "settle_part"], poisoned=["u0002"])
    run.call_seconds = 0.05

    ended = await work_on(run, backfill)

    (unit,) = ended.quarantined
    assert (ended.state, unit.unit_id) == (State.FAILED, "u0002")
    assert unit.error == "settle_part did not come back within 0.05 seconds"


class Computing(Authored):
    computing_seconds = 0.2


async def test_what_a_definition_takes_outside_of_the_database_is_not_taken_for_a_call_that_hangs() -> None:
    backfill = guarded(Computing(units=1, hangs=["settle"]), seconds=0.05)

    with pytest.raises(BatchFailed, match=r"settle did not come back within 0\.25 seconds"):
        await backfill.settle(["u0000"])


@pytest.mark.parametrize("method", ["check_schema", "check_privileges", "check_page"])
async def test_a_verification_that_an_operator_asks_for_ends_with_a_sentence(run: InProcessRun, method: str) -> None:
    backfill = Authored(units=UNITS, raises={method: AuthorsMistake})
    control = Control(
        store=run.store, doorbell=run.doorbell, known=Backfills(bound={BACKFILL: cast("Previewable", backfill)})
    )

    with pytest.raises(DefinitionFailed, match=f"{method} raised AuthorsMistake at authored") as told:
        await control.verify(BACKFILL)

    assert SECRET not in str(told.value)
    assert told.value.__suppress_context__


async def test_a_cancellation_is_no_exception_of_the_author(run: InProcessRun) -> None:
    with pytest.raises(asyncio.CancelledError):
        await run.work(Authored(units=UNITS, raises={"settle": asyncio.CancelledError}))


class RaisingWhenRehearsed(GenerationVersions):
    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        raise AuthorsMistake


class RaisingWhenRead(GenerationVersions):
    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        raise AuthorsMistake


@pytest.fixture
async def engine(database: str, rows: OldRows) -> AsyncIterator[AsyncEngine]:
    await rows.add_project("one", minute=1)
    await rows.add_many("one", 2)
    opened = open_engine(database, application_name="test-mistakes")
    yield opened
    await opened.dispose()


async def test_a_preview_names_the_exception_of_a_batch_that_it_tries(engine: AsyncEngine) -> None:
    sampling = Sampling(seconds=1, stopwatch=time.monotonic)

    seen = await preview(RaisingWhenRehearsed(engine, LIMITS), pace_of(100), sampling)

    assert seen.sample is not None
    assert seen.sample.refused[0].startswith("rehearse raised AuthorsMistake at test_author_mistakes.py:")


async def test_a_preview_that_cannot_even_read_ends_with_a_sentence(engine: AsyncEngine) -> None:
    sampling = Sampling(seconds=1, stopwatch=time.monotonic)

    with pytest.raises(DefinitionFailed, match="read_page raised AuthorsMistake"):
        await preview(RaisingWhenRead(engine, LIMITS), pace_of(100), sampling)


async def test_a_run_whose_parameters_the_definition_does_not_take_any_more_is_paused_with_a_sentence(
    run: InProcessRun, log: io.StringIO
) -> None:
    def bind(_name: str, _parameters: str) -> Backfill:
        raise InvalidParameters([Mistake(at="country", message="There is no such parameter")], takes="")

    run.bind = bind

    ended = await work_on(run, Authored(units=UNITS))

    assert (ended.state, ended.throttled_by) == (State.PAUSED, ended.error)
    assert ended.error == (
        "The run does not fit the definition that the worker has. The parameters are not right: country: There is no "
        "such parameter."
    )
