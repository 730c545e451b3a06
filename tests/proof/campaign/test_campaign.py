"""Everything that can break breaks, under live traffic, and no row is wrong; `make soak` does the same for longer."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import psutil

from tests.conftest import Spawn
from tests.proof.campaign.plan import Kind, plan_round, seeds_of_rounds
from tests.support.commands import environment_for
from tests.support.waiting import wait_until

SOAK = (sys.executable, "-m", "tests.proof.campaign.soak")
# The second round begins only where the first one was quick, on a machine with nothing else to do.
SEED, ROUNDS, MINUTES = 97, 2, 1.25
SECONDS = 900.0


def test_the_rounds_of_this_seed_have_every_kind_of_fault_and_one_begins_before_the_migration() -> None:
    plans = [plan_round(seed) for seed in islice(seeds_of_rounds(SEED), ROUNDS)]

    assert {fault.kind for plan in plans for fault in plan.faults} == set(Kind)
    assert [plan.upgrade_under_traffic for plan in plans].count(True) == 1


async def test_a_campaign_of_faults_under_live_traffic_breaks_no_rule(spawn_program: Spawn, tmp_path: Path) -> None:
    result = tmp_path / "ledger.json"
    bounds = (f"--seed={SEED}", f"--rounds={ROUNDS}", f"--minutes={MINUTES}")

    soak = spawn_program(*SOAK, *bounds, f"--json={result}", env=environment_for())
    exit_code = await asyncio.to_thread(soak.wait, SECONDS)
    sys.stdout.write(soak.log)  # shown when the test fails, with the seed that does it again
    ledger = json.loads(result.read_text())

    assert (exit_code, ledger["violations"]) == (0, [])
    played = [plan_round(seed) for seed in islice(seeds_of_rounds(SEED), ledger["rounds"])]
    planned = Counter(fault.kind.value for plan in played for fault in plan.faults)
    assert Counter(ledger["faults"]) + Counter(ledger["not_reached"]) == planned
    assert sum(ledger["faults"].values()) >= 8 * ledger["rounds"]
    assert sum(ledger["writes"].values()) >= 500 * ledger["rounds"]
    assert len(ledger["recoveries"]) >= 5


async def test_ctrl_c_ends_a_soak_in_order_with_the_ledger_so_far(spawn_program: Spawn, tmp_path: Path) -> None:
    soak = spawn_program(*SOAK, env=environment_for(TMPDIR=str(tmp_path)))
    await wait_until(lambda: list(tmp_path.glob("*/round-*/worker-*.log")), SECONDS)
    children = psutil.Process(soak.pid).children(recursive=True)

    soak.kill(signal.SIGINT)
    exit_code = await asyncio.to_thread(soak.wait, 120)

    assert exit_code == 0, soak.log
    assert "Interrupted: the ledger so far." in soak.log
    assert soak.log.splitlines()[-1].split() == ["violations", "0"]
    assert "Traceback" not in soak.log
    await wait_until(lambda: not any(map(goes_on, children)), 10)


def goes_on(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
