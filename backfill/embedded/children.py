"""Child processes of the keeper: under the servers' account, ended by the kernel when the keeper dies."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.accounts import Account
from backfill.embedded.locks import FileLock

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and which signal means the end of the keeper to it."""

    command: list[str]
    folder: Path
    log: Path
    death_signal: signal.Signals
    standard_input: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """What every child gets from the keeper."""

    account: Account | None
    servers_lock: FileLock

    def start(self, program: Program) -> subprocess.Popen[bytes]:
        account = self.account
        with program.log.open("ab") as log:
            child = subprocess.Popen(
                program.command,
                cwd=program.folder,
                # Nothing of ours: PGPORT, PGOPTIONS, LD_LIBRARY_PATH and the like would change what is started.
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # The lock is held until the last process of the server is gone.
                pass_fds=[self.servers_lock.fileno()],
                user=account.user_id if account else None,
                group=account.group_id if account else None,
                extra_groups=[] if account else None,
                # Run after the account has changed, which would undo it. The keeper has one thread: forking is safe.
                preexec_fn=dying_with_parent(program.death_signal),  # noqa: PLW1509
            )
        assert child.stdin is not None  # noqa: S101 - it was asked for
        try:
            child.stdin.write(program.standard_input)
            child.stdin.close()
        except BrokenPipeError:
            pass  # it ended already: its log says why
        return child

    def run(self, program: Program) -> int:
        """Returns the exit code."""
        return self.start(program).wait()


def dying_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before it was arranged
            os._exit(1)

    return arrange
