"""Running the project's commands as an operator does: real processes, from the root of the checkout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

REPOSITORY = Path(__file__).resolve().parents[2]
_PROGRAMS = Path(sys.executable).parent
# Where a test says nothing else: no rest and no autopilot, because there is no application to leave time to.
PACE = {"BACKFILL_PACE": "fixed", "BACKFILL_PARALLEL": "2", "BACKFILL_TARGET_MS": "25", "BACKFILL_PAUSE_MS": "0"}
_OURS = ("BACKFILL_", "DATABASE_URL", "REDIS_URL")


def environment_for(*, database_url: str | None = None, redis_url: str | None = None, **more: str) -> dict[str, str]:
    """What a command gets to see: the outside without the settings of whoever runs the tests, and these."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment["PATH"] = f"{_PROGRAMS}{os.pathsep}{environment.get('PATH', os.defpath)}"
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, **PACE, **more}
    return environment | {name: value for name, value in given.items() if value is not None}


def run_command(*arguments: str, env: Mapping[str, str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Blocks until it has ended. The exit code is the test's to judge."""
    return subprocess.run(
        arguments,
        env=env,
        timeout=timeout,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _listen_to_ctrl_c() -> None:
    """Where the tests run in a shell's background, SIGINT is ignored, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Child(Protocol):
    """What `subprocess.Popen` offers, as far as it is needed here."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...


class Spawned:
    """A command that runs beside the test, in a process group of its own; what it writes is in `log`."""

    def __init__(self, child: Child, log_file: Path) -> None:
        self._child = child
        self._log_file = log_file

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when one ended it."""
        return self._child.poll()

    @property
    def name(self) -> str:
        """Its place among those of the test, and the program."""
        return self._log_file.stem

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout: float = 30.0) -> int:
        """Blocks; returns the exit code."""
        return self._child.wait(timeout)

    def kill(self, signal_number: signal.Signals = signal.SIGKILL) -> None:
        """To this process alone, not to the ones that it started."""
        self._child.send_signal(signal_number)

    def end(self) -> None:
        """Whatever is left of it and of what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.kill()  # one that has only just begun may have no group of its own yet
        self._child.wait()


def spawn(arguments: Sequence[str], env: Mapping[str, str], log_file: Path, *, cwd: Path = REPOSITORY) -> Spawned:
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            arguments,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_listen_to_ctrl_c,  # noqa: PLW1509 - nothing here starts threads before it
        )
    return Spawned(child, log_file)
