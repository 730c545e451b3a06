from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.commands import REPOSITORY, environment_for, run_command
from worker.demo.old_application import PhaseSummary

MODULE = ("-m", "worker.demo.old_application")
NOTHING_LISTENS_HERE = "postgresql://codebegen:not-to-be-shown@127.0.0.1:1/codebegen"


@asynccontextmanager
async def process(*arguments: str, env: Mapping[str, str]) -> AsyncIterator[Process]:
    """The application as a process; ended with the block, whatever happened."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *MODULE, *arguments, cwd=REPOSITORY, env=env, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def answer(child: Process) -> dict[str, Any]:
    assert child.stdout is not None
    line = await asyncio.wait_for(child.stdout.readline(), timeout=20)
    message: dict[str, Any] = json.loads(line)
    return message


async def tell(child: Process, line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(f"{line}\n".encode())
    await child.stdin.drain()


async def test_as_a_process_it_is_told_the_phase_and_answers_with_summaries(database_e011: str) -> None:
    async with process("--transactions-per-second", "50", env=environment_for(database_url=database_e011)) as child:
        assert await answer(child) == {"event": "started", "phase": "before"}
        await tell(child, "phase migration")
        changed = await answer(child)
        await tell(child, "rate 20")
        slower = await answer(child)
        await tell(child, "summary")
        asked = await answer(child)
        assert child.stdin is not None
        child.stdin.close()
        stopped = await answer(child)
        assert await child.wait() == 0

    assert (changed["event"], changed["phase"], changed["summary"]["phase"]) == ("phase", "migration", "before")
    assert slower == {"event": "rate", "per_second": 20}
    assert (asked["event"], asked["summary"]["phase"]) == ("summary", "migration")
    assert stopped["event"] == "stopped"
    summaries = [PhaseSummary.from_json(summary) for summary in stopped["summaries"]]
    assert [summary.phase for summary in summaries] == ["before", "migration"]
    assert [summary.to_json() for summary in summaries] == stopped["summaries"]


async def test_as_a_process_it_ends_on_sigterm_with_its_summaries(database_e011: str) -> None:
    async with process("--phase", "backfill", env=environment_for(database_url=database_e011)) as child:
        await answer(child)
        child.send_signal(signal.SIGTERM)
        stopped = await answer(child)
        assert await child.wait() == 0

    assert [summary["phase"] for summary in stopped["summaries"]] == ["backfill"]


@pytest.mark.parametrize(
    ("arguments", "database_url", "exit_code", "words"),
    [
        ((), None, 2, "DATABASE_URL is not set"),
        (("--connections", "0"), NOTHING_LISTENS_HERE, 2, "connections must be"),
        (("--connections", "many"), NOTHING_LISTENS_HERE, 2, "invalid int value"),
        ((), NOTHING_LISTENS_HERE, 7, "nothing listens there"),
    ],
)
def test_as_a_process_it_says_what_is_wrong(
    arguments: tuple[str, ...], database_url: str | None, exit_code: int, words: str
) -> None:
    ended = run_command(sys.executable, *MODULE, *arguments, env=environment_for(database_url=database_url))

    assert ended.returncode == exit_code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert str(urlsplit(NOTHING_LISTENS_HERE).password) not in ended.stderr
