"""Ranges in which nothing is left to do: what is read of them at once, and what a slice does at their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.engine.checking import PAGE_TIMES
from backfill.engine.lookahead import FIRST_PAGE
from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.engine.proving import PAGE_UNITS
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.pace import FIRST_ROWS
from backfill.runs.ranges import Key, Passed, Unit
from backfill.runs.states import State
from backfill.sql.transactions import Limits
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.old_rows import OldRows
from tests.support.waiting import TooLate, wait_until
from worker.generations.backfill import LEAST_RANGE_UNITS, GenerationVersions

GIANT_ROWS = 1_000


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


class PagesAsked(GenerationVersions):
    """Keeps how many units were asked for at once, by their names and as a whole."""

    def __init__(self, engine: AsyncEngine, limits: Limits) -> None:
        super().__init__(engine, limits)
        self.by_name: list[int] = []
        self.as_a_whole: list[int] = []

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        self.by_name.append(units)
        return await super().read_page(after, end, units=units, row_cap=row_cap)

    async def pass_settled(self, after: Key | None, end: Key, *, units: int) -> Passed | None:
        self.as_a_whole.append(units)
        return await super().pass_settled(after, end, units=units)


async def test_where_nothing_is_to_do_a_range_is_passed_in_pages_larger_than_the_last_ones(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    await add_settled(rows, 2 * LEAST_RANGE_UNITS)
    asked = PagesAsked(backfill.engine, backfill.limits)

    await run.work(asked)

    ended = await run.read()
    assert (asked.by_name, asked.as_a_whole) == ([FIRST_PAGE], [4 * FIRST_PAGE, 16 * FIRST_PAGE])
    assert (ended.state, ended.counts.units_done, ended.counts.rows_done) == (State.SUCCEEDED, 200, 200)


class Checked(GenerationVersions):
    """Keeps how many units were to be checked at once, and whether any were passed before."""

    def __init__(self, engine: AsyncEngine, limits: Limits) -> None:
        super().__init__(engine, limits)
        self.pages: list[int] = []
        self.passed = False

    async def pass_settled(self, after: Key | None, end: Key, *, units: int) -> Passed | None:
        page = await super().pass_settled(after, end, units=units)
        self.passed = True
        return page

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        self.pages.append(units)
        return await super().check_page(after, end, units=units)


class Slow(GenerationVersions):
    """Settles when the quick one has passed its range, and checks when that one does."""

    quick: Checked

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        await wait_until(lambda: self.quick.passed)
        return await super().settle(unit_ids)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        with suppress(TooLate):
            await wait_until(lambda: self.quick.pages, 2)
        return await super().check_page(after, end, units=units)


async def add_settled(rows: OldRows, count: int, *, of_rows: int = 1) -> None:
    for number in range(count):
        await rows.add_project(f"settled-{number:03}", minute=number)
    await rows.connection.execute("UPDATE projects SET latest_version = $1", of_rows)


async def test_who_has_no_range_left_to_settle_waits_a_moment_for_those_to_check(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backfill.engine.slices.WAITS", 200)
    await add_settled(rows, 2 * LEAST_RANGE_UNITS)
    await rows.add_project("first", minute=-1)
    await rows.add_many("first", 2)
    await run.plan(await backfill.plan(2), parallel=2)
    quick, slow = Checked(backfill.engine, backfill.limits), Slow(backfill.engine, backfill.limits)
    slow.quick = quick

    await asyncio.gather(run.work(slow), run.work(quick))

    assert (await run.read()).state is State.SUCCEEDED
    assert quick.pages != []


async def test_the_last_page_of_a_range_that_nobody_waits_for_has_a_few_units_more(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    units = 7 * LEAST_RANGE_UNITS
    await add_settled(rows, units, of_rows=100)
    await run.plan(await backfill.plan(1))
    checked = Checked(backfill.engine, backfill.limits)

    await run.work(checked)

    assert (await run.read()).state is State.SUCCEEDED
    in_range, after_its_end = checked.pages
    assert PAGE_TIMES * FIRST_ROWS < in_range == units + 1
    assert after_its_end == PAGE_UNITS


class GoneAfterAPart(GenerationVersions):
    """Its server is lost after the first part of a large project."""

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        if mark is not None:
            raise BatchFailed(Failure.CONNECTION, "gone", sqlstate=None)
        return await super().settle_part(unit_id, mark, rows=rows)


async def settle_whole(backfill: GenerationVersions, project_id: str) -> None:
    part = await backfill.settle_part(project_id, None, rows=GIANT_ROWS)
    while not part.finished:
        part = await backfill.settle_part(project_id, part.mark, rows=GIANT_ROWS)


async def test_a_project_of_which_a_part_is_counted_is_not_passed_among_settled_ones(
    rows: OldRows, backfill: GenerationVersions, run: InProcessRun
) -> None:
    """A worker settled it to its end, and was gone before it could say so."""
    await add_settled(rows, 2 * LEAST_RANGE_UNITS)
    await rows.add_project("giant", minute=2 * LEAST_RANGE_UNITS)
    await rows.add_many("giant", GIANT_ROWS)
    await run.plan(await backfill.plan(2), parallel=2)
    await run.hold_first_range()
    await run.work(GoneAfterAPart(backfill.engine, backfill.limits))
    broken_off = await run.read()
    await settle_whole(backfill, "giant")
    run.outlast_leases()

    await run.work(backfill)

    ended = await run.read()
    assert 0 < broken_off.counts.rows_written < GIANT_ROWS
    assert (ended.state, ended.counts.units_done) == (State.SUCCEEDED, 2 * LEAST_RANGE_UNITS + 1)
    assert ended.counts.rows_done == 2 * LEAST_RANGE_UNITS + GIANT_ROWS
