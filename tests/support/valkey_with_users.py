"""A Valkey that listens on a socket, too, and has users of its own: one may do everything, one only read, and there are
those that the runbook gives."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from backfill.embedded.children import Household, Program
from backfill.embedded.valkey import ValkeyRecipe
from tests.support.commands import REPOSITORY
from tests.support.started_servers import Quarters, quarters

_MORE = """\
unixsocket {socket}
unixsocketperm 700
user operator on >hunter2 ~* &* +@all
user reader on >hunter2 ~* &* -@all +@read +@connection +info +time
"""


def documented_users() -> list[str]:
    lines = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("user ")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyWithUsers:
    quarters: Quarters
    name: str = "Valkey with users"
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL

    @property
    def _recipe(self) -> ValkeyRecipe:
        return ValkeyRecipe(place=self.quarters.place)

    @property
    def log(self) -> Path:
        return self._recipe.log

    @property
    def socket(self) -> Path:
        return self._recipe.folder / "redis.sock"

    def prepare(self, household: Household) -> None:
        self._recipe.prepare(household)

    def program(self, port: int) -> Program:
        program = self._recipe.program(port)
        more = _MORE.format(socket=self.socket) + "\n".join(documented_users()) + "\n"
        return replace(program, standard_input=program.standard_input + more.encode())

    def answers(self, pid: int, port: int) -> bool:
        return self._recipe.answers(pid, port)

    def url(self, port: int) -> str:
        return self._recipe.url(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The password of whoever names no user, the port, and the socket."""

    password: str
    port: int
    socket: Path


@contextmanager
def valkey_with_users() -> Iterator[Ways]:
    with quarters() as place:
        recipe = ValkeyWithUsers(quarters=place)
        with place.running(recipe) as server:
            url = urlsplit(server.url)
            yield Ways(password=url.password or "", port=url.port or 0, socket=recipe.socket)
