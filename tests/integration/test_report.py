"""The report of a run on real rows: what it proves, and what it says where ranges were left out or lost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from backfill.engine.steering import Steering
from backfill.runs.ranges import Plan, Span
from backfill.runs.states import State
from tests.support.commands import environment_for
from tests.support.forked import backfill as command
from tests.support.in_process import PREFIX, InProcessRun, in_process_run
from tests.support.old_rows import OldRows
from worker.generations.backfill import GenerationVersions

PROJECTS = 450
RANGES = 4
COUNTS_OF_RANGES = ("units", "rows", "written", "checked", "began_ms", "settled_ms", "verified_ms")


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    """So many that they are cut into ranges, with a generation each; one has none that is left to do."""
    await rows.connection.execute(
        "INSERT INTO projects (id, user_id, name, tech_stack, status, is_public, created_at)"
        " SELECT 'p' || lpad(CAST(n AS text), 3, '0'), 'user', 'A project', 'fastapi', 'active', false,"
        " timestamptz '2026-01-01 00:00+00' + n * interval '1 minute' FROM generate_series(0, $1 - 1) AS n",
        PROJECTS,
    )
    await rows.connection.execute("SET session_replication_role = replica")
    await rows.connection.execute(
        "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration, created_at)"
        " SELECT 'g' || id, id, 'user', 'Build it', 'completed', false, created_at FROM projects"
    )
    await rows.connection.execute("SET session_replication_role = DEFAULT")
    return rows


async def report_of(run: InProcessRun) -> dict[str, Any]:
    return await Steering(store=run.store, doorbell=run.doorbell).report(run.run_id)


class PlannedOtherwise(GenerationVersions):
    """Its plan is changed before anybody sees it."""

    change: Callable[[list[Span]], list[Span]]

    async def plan(self, ranges: int) -> Plan:
        plan = await super().plan(ranges)
        return replace(plan, spans=tuple(type(self).change(list(plan.spans))))


def dropped(spans: list[Span]) -> list[Span]:
    return [spans[0], *spans[2:]]


def overlapping(spans: list[Span]) -> list[Span]:
    return [spans[0], replace(spans[1], start=None), *spans[2:]]


def without_the_last(spans: list[Span]) -> list[Span]:
    return spans[:-1]


async def test_the_ranges_of_a_run_that_succeeded_are_proof_with_their_counts_and_what_came_after(
    projects: OldRows, run: InProcessRun, backfill: GenerationVersions, redis_url: str
) -> None:
    class Arriving(GenerationVersions):
        async def plan(self, ranges: int) -> Plan:
            plan = await super().plan(ranges)
            await projects.add_project("late", minute=PROJECTS)
            return plan

    await run.work(Arriving(backfill.engine, backfill.limits))
    report = await report_of(run)

    coverage = report["coverage"]
    assert (coverage["state"], coverage["breaks"]) == ("proven", [])
    assert (coverage["ordered_by_database"], coverage["counts_agree"]) == (True, True)
    assert [one["after"] for one in coverage["ranges"]] == [None, *(one["to"] for one in coverage["ranges"][:-1])]
    assert coverage["ranges"][-1]["to"][1] == f"p{PROJECTS - 1:03}"
    assert len(coverage["ranges"]) == RANGES
    assert {one["stage"] for one in coverage["ranges"]} == {"verified"}
    expected = {"units": PROJECTS, "rows": PROJECTS, "written": PROJECTS, "skipped": 0, "checked": PROJECTS}
    assert coverage["totals"] == expected
    assert {name: sum(one[name] for one in coverage["ranges"]) for name in expected} == expected
    assert coverage["after_split"] == {"units": 1, "complete": True, "findings": []}
    assert {check["count"] for check in report["checks"]} == {0}
    assert "unassigned" in {check["rule"] for check in report["checks"]}
    assert report["wal_bytes"] > 0
    assert report["durations"]["all"] is not None
    assert report["events_complete"]
    assert report["events"][0]["about"]["who"] == "test"

    env = environment_for(database_url="postgresql://nobody@127.0.0.1:1/none", redis_url=redis_url)
    env |= {"BACKFILL_REDIS_PREFIX": PREFIX}
    printed, as_json = (command("report", run.run_id, *options, env=env) for options in ((), ("--json",)))
    assert (printed.returncode, as_json.returncode) == (0, 0), printed.stderr
    assert json.loads(as_json.stdout)["coverage"] == coverage
    assert "proven: The 4 ranges cover every key" in printed.stdout
    assert printed.stdout.splitlines()[-1].split() == ["all", "450", "450", "450", "0", "450"]


@pytest.mark.parametrize(
    ("change", "broken"),
    [(dropped, "there is a gap before range 1"), (overlapping, "range 1 overlaps with one before it")],
)
async def test_a_run_whose_ranges_do_not_tile_the_keys_fails_and_its_report_says_where(
    projects: OldRows,
    run: InProcessRun,
    backfill: GenerationVersions,
    change: Callable[[list[Span]], list[Span]],
    broken: str,
) -> None:
    PlannedOtherwise.change = staticmethod(change)

    await run.work(PlannedOtherwise(backfill.engine, backfill.limits))
    report, ended = await report_of(run), await run.read()

    assert (ended.state, broken in (ended.error or "")) == (State.FAILED, True)
    assert (report["coverage"]["state"], report["coverage"]["breaks"]) == ("broken", [broken])


async def test_a_plan_that_ends_too_early_is_told_by_what_is_left_after_it(
    projects: OldRows, run: InProcessRun, backfill: GenerationVersions
) -> None:
    PlannedOtherwise.change = staticmethod(without_the_last)

    await run.work(PlannedOtherwise(backfill.engine, backfill.limits))
    coverage = (await report_of(run))["coverage"]

    assert coverage["state"] == "left"
    left = PROJECTS - coverage["totals"]["units"]
    assert left > 0
    assert {one["rule"]: one["count"] for one in coverage["after_split"]["findings"]}["unassigned"] == left


async def test_a_range_that_redis_has_lost_fails_the_run(
    projects: OldRows, run: InProcessRun, backfill: GenerationVersions
) -> None:
    class Forgotten(GenerationVersions):
        async def check_schema(self) -> Any:
            await run.redis.delete(f"{PREFIX}:run:{run.run_id}:range:2")
            return await super().check_schema()

    await run.work(Forgotten(backfill.engine, backfill.limits))
    report, ended = await report_of(run), await run.read()

    assert (ended.state, "the record of range 2 is gone" in (ended.error or "")) == (State.FAILED, True)
    assert report["coverage"]["state"] == "broken"
    assert (report["coverage"]["totals"]["units"], report["coverage"]["counts_agree"]) == (None, None)


async def test_a_run_of_an_older_worker_has_a_report_that_says_what_it_does_not_know(
    projects: OldRows, run: InProcessRun, backfill: GenerationVersions
) -> None:
    await run.work(backfill)
    key = f"{PREFIX}:run:{run.run_id}"
    await run.redis.hdel(key, "proof", "verifying_ms", "wal_at_plan")  # type: ignore[misc]  # redis-py's two kinds
    for index in range(RANGES):
        await run.redis.hdel(f"{key}:range:{index}", *COUNTS_OF_RANGES)  # type: ignore[misc]

    report = await report_of(run)

    coverage = report["coverage"]
    assert (coverage["state"], coverage["ordered_by_database"]) == ("joined", False)
    assert "a worker of an older release" in coverage["sentence"]
    assert (coverage["totals"]["units"], coverage["counts_agree"], coverage["after_split"]) == (None, None, None)
    assert (report["checks"], report["wal_bytes"], report["durations"]["settling"]) == ([], None, None)
