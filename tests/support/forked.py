"""The project's commands in processes forked from one that has imported them.

Tests type hundreds of commands to bring about what they are about, and importing takes each of them a second of CPU
or two. What runs is the program's own entry, in a process, an environment and with outputs of its own. What is about
the program as it is installed starts it with `tests.support.commands`.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from tests.support.commands import REPOSITORY, Spawned

if TYPE_CHECKING:
    from io import TextIOWrapper

PROGRAMS = {"alembic": "alembic.config:main", "arq": "arq.cli:cli", "backfill": "backfill.cli:main"}

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.support.preloaded"])


def run(*command: str, env: Mapping[str, str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Blocks until it has ended. The exit code is the test's to judge."""
    with TemporaryDirectory(prefix="backfill-forked-") as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        child = _Forked(command, env, outputs)
        try:
            exit_code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            raise
        stdout, stderr = (output.read_text(encoding="utf-8") for output in outputs)
        return subprocess.CompletedProcess(command, exit_code, stdout, stderr)


def backfill(*arguments: str, env: Mapping[str, str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    return run("backfill", *arguments, env=env, timeout=timeout)


def spawn(command: Sequence[str], env: Mapping[str, str], log_file: Path) -> Spawned:
    return Spawned(_Forked(command, env, (log_file, log_file)), log_file)


class _Forked:
    """A child as `subprocess.Popen` is one, but for how it begins."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], outputs: tuple[Path, Path]) -> None:
        for output in outputs:
            output.touch()
        self._command = command
        self._process = _forking.Process(target=_become, args=(command, dict(env), outputs), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        exit_code = self._process.exitcode
        if exit_code is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0)
        return exit_code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def _become(command: Sequence[str], env: dict[str, str], outputs: tuple[Path, Path]) -> None:
    """In the forked process: what the system does for a program that it starts."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(REPOSITORY)
    for descriptor, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND), descriptor)
    # The objects that modules imported before may have kept: what these hold is written at the end, too.
    for stream in (sys.stdout, sys.stderr):
        cast("TextIOWrapper", stream).reconfigure(encoding="utf-8", write_through=False)
    sys.argv = list(command)
    try:
        pkgutil.resolve_name(PROGRAMS[command[0]])()
    except Exception:  # noqa: BLE001 - as the interpreter does with what a program lets through
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
