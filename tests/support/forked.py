"""The `backfill` command in processes forked from one that has imported it.

Tests type some hundred commands to bring about what they are about, and importing takes each of them most of a second
of CPU. What runs is the program's own entry, in a process, an environment and with outputs of its own. What is about
the program as it is installed starts it with `commands.run_command`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.commands import REPOSITORY
from worker.cli import main

PROGRAM = "backfill"

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([__name__])


def backfill(*arguments: str, env: Mapping[str, str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Blocks until it has ended. The exit code is the test's to judge."""
    command = (PROGRAM, *arguments)
    with TemporaryDirectory(prefix="backfill-forked-") as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        process = _forking.Process(target=_become, args=(command, dict(env), outputs), daemon=True)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, timeout)
        stdout, stderr = (output.read_text(encoding="utf-8") if output.exists() else "" for output in outputs)
        return subprocess.CompletedProcess(command, process.exitcode, stdout, stderr)


def _become(command: tuple[str, ...], env: dict[str, str], outputs: tuple[Path, Path]) -> None:
    """In the forked process: what the system does for a program that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(REPOSITORY)
    sys.argv = list(command)
    for descriptor, output in enumerate(outputs, start=1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) for descriptor in (1, 2))
    main()
