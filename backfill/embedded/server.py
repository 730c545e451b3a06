"""One server of the keeper's: started on a free port until it answers, watched, started again, stopped.

What differs between PostgreSQL and Valkey is in their recipes.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

from backfill.embedded.children import Household, Program
from backfill.embedded.folder import OWN_SERVERS
from backfill.embedded.logs import end_of_log, log_since, size_of_log, turn_over
from backfill.runs.errors import EmbeddedUnavailable

_POLL_SECONDS = 0.01
_READY_SECONDS = 60.0  # recovery after a crash, on a slow disk
_STOP_SECONDS = 30.0
_PORT_TAKEN = "Address already in use"
# The leftovers of a killed PostgreSQL notice within moments that it is gone.
_PASSING = (_PORT_TAKEN, "is still in use")


class Recipe(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    @property
    def stop_signal(self) -> signal.Signals: ...
    @property
    def kill_signal(self) -> signal.Signals: ...
    def prepare(self, household: Household) -> None:
        """Make what the server needs, once."""

    def program(self, port: int) -> Program: ...
    def answers(self, pid: int, port: int) -> bool: ...
    def url(self, port: int) -> str: ...


class Server:
    def __init__(self, recipe: Recipe, household: Household, port: int | None) -> None:
        self._recipe = recipe
        self.port = port or _free_port()
        self._household = household
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self._recipe.name

    @property
    def url(self) -> str:
        return self._recipe.url(self.port)

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    @property
    def ended(self) -> bool:
        return self._child is not None and self._child.poll() is not None

    def prepare(self) -> None:
        turn_over(self._recipe.log)
        self._recipe.prepare(self._household)

    def start(self) -> None:
        """Blocks until it answers. Raises EmbeddedUnavailable with the end of its log."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._try_start(deadline):
            time.sleep(_POLL_SECONDS)

    def ask_to_stop(self) -> None:
        if self._child and not self.ended:
            self._child.send_signal(self._recipe.stop_signal)

    def wait_stopped(self) -> None:
        if not self._child:
            return
        try:
            self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.send_signal(self._recipe.kill_signal)
            self._child.wait()

    def _try_start(self, deadline: float) -> bool:
        """False when it is worth another try."""
        log_size = size_of_log(self._recipe.log)
        self._child = self._household.start(self._recipe.program(self.port))
        while not self.ended:
            if self._recipe.answers(self.pid, self.port):
                return True
            if time.monotonic() > deadline:
                raise did_not_start(self._recipe, f"does not answer after {_READY_SECONDS:.0f} seconds", log_size)
            time.sleep(_POLL_SECONDS)
        said = log_since(self._recipe.log, log_size)
        if time.monotonic() > deadline or not any(words in said for words in _PASSING):
            raise did_not_start(self._recipe, "did not start", log_size)
        if _PORT_TAKEN in said:
            self.port = _free_port()
        return False


def did_not_start(recipe: Recipe, what: str, log_size: int) -> EmbeddedUnavailable:
    return EmbeddedUnavailable(
        f"The embedded {recipe.name} {what}.", f"{OWN_SERVERS}. {end_of_log(recipe.log, log_size)}"
    )


def _free_port() -> int:
    """Free now; the server that finds it taken gets another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
