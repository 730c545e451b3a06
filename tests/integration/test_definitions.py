"""Definitions that cannot be had: every edge names them with the reason, and serves the others."""

from __future__ import annotations

import asyncio
import json

from tests.conftest import Spawn
from tests.support.cli import NAME, WORKER, refusal
from tests.support.forked import backfill
from tests.support.runs import enqueue, until_ready, wait_for_end

MISSING = "shop.backfills"
WHY = "ModuleNotFoundError: No module named 'shop'"
ONE_IS_MISSING = {"BACKFILL_DEFINITIONS": f"{MISSING}, worker.generations"}
ALL_ARE_MISSING = {"BACKFILL_DEFINITIONS": MISSING}


def test_doctor_warns_of_definitions_that_cannot_be_had(environment: dict[str, str]) -> None:
    done = backfill("doctor", "--json", env=environment | ONE_IS_MISSING)

    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert checks["backfills"]["status"] == "warning"
    assert checks["backfills"]["message"] == f"{NAME}; Not read: {MISSING} ({WHY})."


def test_doctor_fails_where_there_is_no_backfill_at_all(environment: dict[str, str]) -> None:
    done = backfill("doctor", env=environment | ALL_ARE_MISSING)

    assert done.returncode == 4
    assert f"Not read: {MISSING} ({WHY})." in done.stdout


def test_a_name_that_is_not_known_is_answered_with_what_could_not_be_read(environment: dict[str, str]) -> None:
    refused = refusal(backfill("enqueue", "email-normalized", env=environment | ONE_IS_MISSING), 4)

    assert f"Known: {NAME}. Not read: {MISSING} ({WHY})." in refused


async def test_a_worker_serves_the_others_and_says_what_it_could_not_read(
    environment: dict[str, str], spawn: Spawn
) -> None:
    env = environment | ONE_IS_MISSING
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)

    ended = await asyncio.to_thread(lambda: wait_for_end(env, enqueue(env)["id"]))

    assert ended["state"] == "succeeded"
    assert "definitions not read" in worker.log
    assert WHY in worker.log


async def test_a_worker_that_could_read_nothing_ends_and_says_so(environment: dict[str, str], spawn: Spawn) -> None:
    worker = spawn(*WORKER, env=environment | ALL_ARE_MISSING)

    assert await asyncio.to_thread(worker.wait) == 4
    assert f"Not read: {MISSING} ({WHY})." in worker.log
    assert "Traceback" not in worker.log
