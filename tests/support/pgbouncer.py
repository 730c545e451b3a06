"""PgBouncer in transaction mode in front of a server: a client has a session of it for one transaction at a time."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import asyncpg

from backfill.embedded.children import Household, Program
from tests.support.started_servers import Quarters, quarters

POOL_SIZE = 3  # fewer than its clients want, so that they really share
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"  # not on everybody's PATH
_ANSWER_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 0.005
# What somebody set in this session or in this transaction. The driver and PgBouncer do set some, for their client.
_SETTINGS = (
    "SELECT name || '=' || setting FROM pg_settings WHERE source = 'session'"
    " AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'transaction_isolation')"
)
_STATEMENTS = "SELECT name FROM pg_prepared_statements"
_CONFIGURATION = """\
[databases]
* = host={server.hostname} port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
"""


def find_pgbouncer() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path=_SYSTEM_FOLDERS)


@dataclass(frozen=True, kw_only=True)
class PgBouncer:
    quarters: Quarters
    server: SplitResult
    name: str = "PgBouncer"
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL

    @property
    def log(self) -> Path:
        return self.quarters.place.log("pgbouncer")

    def prepare(self, household: Household) -> None:
        """Everything it needs depends on its port."""

    def program(self, port: int) -> Program:
        users = self.quarters.give("users.txt", f'"{self.server.username}" "{self.server.password}"\n'.encode())
        configuration = _CONFIGURATION.format(server=self.server, port=port, users=users, pool_size=POOL_SIZE)
        file = self.quarters.give("pgbouncer.ini", configuration.encode())
        return Program(
            command=[str(find_pgbouncer()), str(file)],
            folder=self.quarters.place.servers,
            log=self.log,
            death_signal=self.stop_signal,
        )

    def answers(self, pid: int, port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS).close()
        except OSError:
            return False
        return True

    def url(self, port: int) -> str:
        login = self.server.netloc.rpartition("@")[0]
        return self.server._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()


@contextmanager
def pgbouncer_in_front_of(database_url: str) -> Iterator[str]:
    """The URL that leads through it."""
    with quarters() as place, place.running(PgBouncer(quarters=place, server=urlsplit(database_url))) as running:
        yield running.url


class Neighbour:
    """Another client of the pool: in each of its transactions it looks at what its session is set to."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = asyncio.Event()
        self.looks = 0
        self.settings: set[str] = set()

    async def look_on(self) -> None:
        connection = await asyncpg.connect(self._url, statement_cache_size=0)
        try:
            while not self._over.is_set():
                async with connection.transaction():
                    self.settings |= {row[0] for row in await connection.fetch(_SETTINGS)}
                self.looks += 1
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
        finally:
            await connection.close()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.look_on())
            try:
                yield
            finally:
                self._over.set()


async def statements_left_in_the_pool(url: str) -> list[str]:
    """In every session of it, which takes as many clients that are in a transaction at the same time."""
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(POOL_SIZE)]
    try:
        for client in clients:
            await client.execute("BEGIN")
        names = [row["name"] for client in clients for row in await client.fetch(_STATEMENTS)]
        return [name for name in names if not name.startswith("__asyncpg")]
    finally:
        for client in clients:
            await client.close()
