"""Files are brought over under an application that works with them; `make soak-files` does more of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.proof.files.disk import why_not
from tests.support.commands import environment_for, run_command

PROOF = (sys.executable, "-m", "tests.proof.files")
GENERATIONS, KILLS = 200, 2
SECONDS = 600.0


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    result = tmp_path_factory.mktemp("proof") / "outcome.json"
    sizes = (f"--generations={GENERATIONS}", f"--kills={KILLS}", "--full-disks=1", f"--json={result}")

    done = run_command(*PROOF, *sizes, env=environment_for(), timeout=SECONDS)

    sys.stdout.write(done.stdout + done.stderr)  # shown when a test fails
    assert done.returncode in {0, 3}
    document: dict[str, Any] = json.loads(Path(result).read_text(encoding="utf-8"))
    return document


def test_no_read_fails_or_finds_other_bytes_and_every_file_is_in_its_place(outcome: dict[str, Any]) -> None:
    assert outcome["violations"] == []
    assert outcome["blows"]["kill -9 of a worker"] == KILLS
    assert outcome["found"]["generations in their folders"] > GENERATIONS / 2
    assert sum(outcome["application"]["reads"].values()) > 50
    assert sum(outcome["application"]["writes"].values()) > 10


@pytest.mark.skipif(why_not() is not None, reason=f"no disk to fill up: {why_not()}")
def test_a_disk_that_was_full_for_a_while_has_harmed_nothing(outcome: dict[str, Any]) -> None:
    assert outcome["blows"]["a full disk"] == 1
    assert outcome["violations"] == []
