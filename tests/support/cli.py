"""The command line as tests use it: `backfill`, the checking script and a worker, and what a refusal looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from tests.support.commands import run_command

BACKFILL = ("backfill",)
VALIDATE = (sys.executable, "scripts/validate_migration.py")
WORKER = ("arq", "worker.main.WorkerSettings")
NAME = "generation-versions"
NOBODY_LISTENS = "127.0.0.1:1"
NO_POSTGRES = f"postgresql://someone:hunter2@{NOBODY_LISTENS}/nothing"
NO_REDIS = f"redis://:hunter2@{NOBODY_LISTENS}/0"

# As the old application writes: the triggers number it. $1 is its id, `new` its project.
ADD_LIVE_ROW = (
    "INSERT INTO generations (id, project_id, user_id, prompt, status, is_iteration)"
    " VALUES ($1, 'new', 'user', 'Build it', 'completed', false)"
)

Done = subprocess.CompletedProcess[str]


def validate(*arguments: str, env: Mapping[str, str]) -> Done:
    return run_command(*VALIDATE, *arguments, env=env)


def refusal(done: Done, exit_code: int) -> str:
    """The sentence on stderr, after asserting that it is all there is and tells no password."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr
