"""Following a run with `watch`, `wait` and `enqueue --watch`: what is told on the way, and what the exit code says."""

from __future__ import annotations

import json
import signal

import pytest

from tests.conftest import Spawn
from tests.support.cli import NAME, WORKER, refusal
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.waiting import wait_until


@pytest.mark.parametrize("command", ["watch", "wait"])
def test_who_follows_a_run_that_is_paused_ends_with_3_and_the_reason(environment: dict[str, str], command: str) -> None:
    backfill("enqueue", NAME, "--note", "CHG-1044", env=environment)
    backfill("pause", "--note", "until the release is out", env=environment)

    followed = backfill(command, env=environment)
    shown = " ".join(backfill("status", env=environment).stdout.split())
    events = backfill("events", env=environment).stdout

    assert followed.returncode == 3
    assert ": until the release is out. Let it go on: backfill resume" in followed.stderr
    assert "enqueue by cli:" in shown
    assert shown.index("CHG-1044") < shown.index("until the release is out")
    assert "Paused, asked for by cli:" in events
    assert "Nothing is in flight, so it rests at once. Note: until the release is out." in events


def test_what_cannot_be_waited_for_or_noted_is_wrong_usage(environment: dict[str, str]) -> None:
    assert "a percentage from 0% to 100%" in refusal(backfill("wait", "--for", "done", env=environment), 2)
    assert "control characters" in refusal(backfill("enqueue", NAME, "--note", "a\nb", env=environment), 2)


async def test_an_empty_database_is_told_from_one_that_is_settled(
    rows: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    spawn(*WORKER, env=environment)

    empty = backfill("enqueue", NAME, "--watch", env=environment)
    await rows.add_project("old")
    await rows.add_many("old", 3)
    first = backfill("enqueue", NAME, "--watch", env=environment)
    second = backfill("enqueue", NAME, "--watch", "--json", env=environment)

    assert (empty.returncode, first.returncode, second.returncode) == (0, 0, 0), second.stderr
    assert "The tables are empty, so there will be nothing to do." in empty.stderr
    assert "There was nothing to do: the tables are empty." in empty.stdout
    assert "empty" not in first.stderr
    last = json.loads(second.stdout.splitlines()[-1])
    assert (last["state"], last["outcome"]) == (
        "succeeded",
        "Nothing had to be written: 3 rows in 1 unit had all values already.",
    )


async def test_who_watches_is_told_when_the_last_worker_dies_and_when_one_is_back(
    rows: OldRows, environment: dict[str, str], spawn: Spawn
) -> None:
    await rows.add_project("old")
    await rows.add_many("old", 100)
    worker = spawn(*WORKER, env=environment)
    backfill("enqueue", NAME, "--batch-rows", "10", "--rows-per-second", "10", env=environment)
    watching = spawn("backfill", "watch", env=environment)
    waiting = spawn("backfill", "wait", env=environment)
    await wait_until(lambda: "running" in watching.log, 30)

    worker.kill(signal.SIGTERM)
    await wait_until(lambda: all("No worker that serves" in one.log for one in (watching, waiting)), 30)
    spawn(*WORKER, env=environment)
    await wait_until(lambda: all("A worker is alive again." in one.log for one in (watching, waiting)), 30)

    assert watching.exit_code is None
    assert waiting.exit_code is None
