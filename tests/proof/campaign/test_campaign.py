"""Everything that can break breaks, under live traffic, and no row is wrong; `make soak` does the same for longer."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import psutil

from tests.conftest import Spawn
from tests.proof.campaign.campaign import PLACE
from tests.proof.campaign.plan import Kind
from tests.support.commands import environment_for
from tests.support.waiting import wait_until

SOAK = (sys.executable, "-m", "tests.proof.campaign.soak")
# Its two rounds have every kind of fault, and one of them begins before the migration.
SEED, ROUNDS = 97, 2
SECONDS = 900.0


async def test_a_campaign_of_every_kind_of_fault_under_live_traffic_breaks_no_rule(
    spawn: Spawn, tmp_path: Path
) -> None:
    result = tmp_path / "ledger.json"

    soak = spawn(*SOAK, f"--seed={SEED}", f"--rounds={ROUNDS}", f"--json={result}", env=environment_for())
    exit_code = await asyncio.to_thread(soak.wait, SECONDS)
    sys.stdout.write(soak.log)  # shown when the test fails, with the seed that does it again
    ledger = json.loads(result.read_text())

    assert (exit_code, ledger["violations"]) == (0, [])
    assert ledger["rounds"] == ROUNDS
    assert set(ledger["faults"]) | set(ledger["not_reached"]) == {kind.value for kind in Kind}
    assert sum(ledger["faults"].values()) > sum(ledger["not_reached"].values())
    assert sum(ledger["writes"].values()) > 1_000
    assert len(ledger["recoveries"]) > 5


async def test_ctrl_c_ends_a_soak_in_order_with_the_ledger_so_far(spawn: Spawn, tmp_path: Path) -> None:
    soak = spawn(*SOAK, env=environment_for(TMPDIR=str(tmp_path)))
    await wait_until(lambda: list(tmp_path.glob("*/round-*/worker-*.log")), SECONDS)
    children = psutil.Process(soak.pid).children(recursive=True)

    soak.kill(signal.SIGINT)
    exit_code = await asyncio.to_thread(soak.wait, 120)

    assert exit_code == 0, soak.log
    assert "Interrupted: the ledger so far." in soak.log
    assert soak.log.splitlines()[-1].split() == ["violations", "0"]
    assert "Traceback" not in soak.log
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert PLACE.is_dir()
