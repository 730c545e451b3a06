"""A server that listens on a socket of its own, too, and a standby of it, both from the wheel."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.children import Household, Program
from backfill.embedded.postgres import PostgresRecipe
from tests.support.own_servers import administrator
from tests.support.started_servers import Quarters, quarters


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    quarters: Quarters
    settings: tuple[str, ...] = ()
    name: str = "a primary"
    stop_signal: signal.Signals = signal.SIGINT
    kill_signal: signal.Signals = signal.SIGQUIT

    @property
    def _recipe(self) -> PostgresRecipe:
        return PostgresRecipe(place=self.quarters.place)

    @property
    def log(self) -> Path:
        return self._recipe.log

    @property
    def cluster(self) -> Path:
        return self._recipe.cluster

    def prepare(self, household: Household) -> None:
        self._recipe.prepare(household)

    def program(self, port: int) -> Program:
        program = self._recipe.program(port)
        options = [f"--unix_socket_directories={self.quarters.place.servers}", "--listen_addresses=127.0.0.1,::1"]
        options += [f"--{setting}" for setting in self.settings]
        return Program(
            command=[*program.command, *options],
            folder=program.folder,
            log=program.log,
            death_signal=program.death_signal,
        )

    def answers(self, pid: int, port: int) -> bool:
        return self._recipe.answers(pid, port)

    def url(self, port: int) -> str:
        return self._recipe.url(port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A copy of the primary that follows it, and answers to those who read."""

    quarters: Quarters
    primary_url: str
    slot: str = ""
    name: str = "a standby"
    stop_signal: signal.Signals = signal.SIGINT
    kill_signal: signal.Signals = signal.SIGQUIT

    @property
    def log(self) -> Path:
        return self.quarters.place.log("standby")

    @property
    def cluster(self) -> Path:
        return self.quarters.place.servers / "standby"

    def prepare(self, household: Household) -> None:
        copy = ["pg_basebackup", "--write-recovery-conf", "--checkpoint=fast", f"--pgdata={self.cluster}"]
        copy += ["--create-slot", f"--slot={self.slot}"] if self.slot else []
        assert household.run(self._program([*copy, f"--dbname={self.primary_url}"])) == 0, self.log.read_text()

    def program(self, port: int) -> Program:
        options = ["--listen_addresses=127.0.0.1", "--unix_socket_directories=", f"--port={port}"]
        return self._program(["postgres", "-D", str(self.cluster), *options])

    def answers(self, pid: int, port: int) -> bool:
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(pid)] and lines[-1].strip() == "ready"

    def url(self, port: int) -> str:
        return PostgresRecipe(place=self.quarters.place).url(port)

    def _program(self, command: list[str]) -> Program:
        return Program(
            command=[str(self.quarters.place.binaries.postgres(command[0])), *command[1:]],
            folder=self.quarters.place.servers,
            log=self.log,
            death_signal=self.stop_signal,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    primary_url: str
    standby_url: str
    socket_folder: Path


@contextmanager
def primary_and_standby(*settings: str) -> Iterator[Pair]:
    """`settings` are the primary's."""
    with (
        quarters() as place,
        place.running(Primary(quarters=place, settings=settings)) as primary,
        place.running(Standby(quarters=place, primary_url=primary.url)) as standby,
    ):
        yield Pair(primary_url=primary.url, standby_url=standby.url, socket_folder=place.place.servers)


async def write_wal(url: str, mebibytes: int) -> None:
    async with administrator(url) as session:
        for _ in range(mebibytes):
            # Transactional: its commit writes it, where without one it would stay in the server's buffers for a while.
            await session.execute("SELECT pg_logical_emit_message(true, 'test', repeat('x', 1048576))")
