"""Valkey from the wheel, as a store that keeps what it was told: append-only file, and no eviction."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.children import Household, Program
from backfill.embedded.place import Place

_ANSWER_SECONDS = 1.0
_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyRecipe:
    place: Place
    name: str = "Valkey"
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL

    @property
    def log(self) -> Path:
        return self.place.log("valkey")

    @property
    def folder(self) -> Path:
        return self.place.servers / "valkey"

    def prepare(self, household: Household) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if household.account:
            household.account.takes(self.folder)

    def program(self, port: int) -> Program:
        return Program(
            command=[str(self.place.binaries.valkey_server), "-"],
            folder=self.folder,  # where its files go: in the configuration the path would need quoting
            log=self.log,
            death_signal=self.stop_signal,
            # On the command line everybody could read the password.
            standard_input=_CONFIGURATION.format(port=port, password=self.place.password("valkey")).encode(),
        )

    def answers(self, pid: int, port: int) -> bool:  # noqa: ARG002 - it does not tell its process id
        asked = f"AUTH {self.place.password('valkey')}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS) as connection:
                connection.sendall(asked)
                return _received(connection) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def url(self, port: int) -> str:
        return f"redis://:{self.place.password('valkey')}@127.0.0.1:{port}/0"


def _received(connection: socket.socket) -> bytes:
    """Two lines, or what there was of them."""
    received = b""
    while received.count(b"\n") < 2:
        chunk = connection.recv(4096)
        if not chunk:
            break
        received += chunk
    return received
