"""A Valkey, a replica of it, and three Sentinels that put the one in the other's place: all of the wheel's program.

Clients come with the user that the runbook gives, and the Sentinels want a password of their own.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import redis

from backfill.embedded.children import Program
from backfill.embedded.server import Server
from backfill.embedded.valkey import ValkeyRecipe
from tests.support.started_servers import Quarters, quarters
from tests.support.valkey_with_users import documented_users

SERVICE = "codebegen"
DOWN_AFTER_MS = 1_000
_SENTINELS = 3
_QUORUM = 2
_OWN_PASSWORD = "sesame"
_SENTINEL = """\
port {port}
bind 127.0.0.1
dir {folder}
requirepass {own}
sentinel sentinel-pass {own}
sentinel monitor {service} 127.0.0.1 {primary} {quorum}
sentinel auth-pass {service} {password}
sentinel down-after-milliseconds {service} {down_after}
sentinel failover-timeout {service} 5000
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replicated(ValkeyRecipe):
    """`of`: whose replica it is at first; each must be able to follow the other."""

    quarters: Quarters
    of: int = 0

    @property
    def log(self):  # type: ignore[no-untyped-def]  # as the recipe's
        return self.place.log(f"valkey-{self.of}")

    @property
    def folder(self):  # type: ignore[no-untyped-def]
        return self.place.servers / f"valkey-{self.of}"

    def program(self, port: int) -> Program:
        program = super(_Replicated, self).program(port)
        more = [f"primaryauth {self.place.password('valkey')}", "repl-diskless-sync-delay 0", *documented_users()]
        more += [f"replicaof 127.0.0.1 {self.of}"] if self.of else []
        return replace(program, standard_input=program.standard_input + "\n".join([*more, ""]).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _SentinelRecipe(ValkeyRecipe):
    quarters: Quarters
    number: int
    primary: int

    @property
    def log(self):  # type: ignore[no-untyped-def]
        return self.place.log(f"sentinel-{self.number}")

    @property
    def folder(self):  # type: ignore[no-untyped-def]
        return self.place.servers / f"sentinel-{self.number}"

    def program(self, port: int) -> Program:
        written = _SENTINEL.format(
            port=port,
            folder=self.folder,
            own=_OWN_PASSWORD,
            service=SERVICE,
            primary=self.primary,
            quorum=_QUORUM,
            password=self.place.password("valkey"),
            down_after=DOWN_AFTER_MS,
        )
        file = self.quarters.give(f"sentinel-{self.number}.conf", written.encode())
        program = super(_SentinelRecipe, self).program(port)
        return replace(program, command=[program.command[0], str(file), "--sentinel"], standard_input=b"")

    def answers(self, pid: int, port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {_OWN_PASSWORD}\r\n".encode())
                return connection.recv(5) == b"+OK\r\n"
        except OSError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPair:
    primary: Server
    replica: Server
    sentinels: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As an operator writes it."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://backfill:PASSWORD@{hosts}/{SERVICE}/0?sentinel_password={_OWN_PASSWORD}"

    def primary_port(self) -> int:
        """As the first of the Sentinels has it."""
        with redis.Redis(port=self.sentinels[0].port, password=_OWN_PASSWORD, decode_responses=True) as sentinel:
            _, port = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
            return int(port)

    def is_watched(self) -> bool:
        """Every Sentinel knows the replica and the other Sentinels, so that they can agree."""
        return all(self._knows_all(sentinel.port) for sentinel in self.sentinels)

    def _knows_all(self, port: int) -> bool:
        with redis.Redis(port=port, password=_OWN_PASSWORD, decode_responses=True) as sentinel:
            state = sentinel.sentinel_masters().get(SERVICE, {})
            return (state.get("num-slaves"), state.get("num-other-sentinels")) == (1, _SENTINELS - 1)


@contextmanager
def watched_pair() -> Iterator[WatchedPair]:
    with quarters() as here, ExitStack() as stack:
        primary = stack.enter_context(here.running(_Replicated(place=here.place, quarters=here)))
        replica = stack.enter_context(
            here.running(_Replicated(place=here.place, quarters=here, of=primary.port, name="a replica"))
        )
        sentinels = [
            stack.enter_context(
                here.running(
                    _SentinelRecipe(
                        place=here.place, quarters=here, number=number, primary=primary.port, name="a Sentinel"
                    )
                )
            )
            for number in range(_SENTINELS)
        ]
        yield WatchedPair(primary=primary, replica=replica, sentinels=sentinels)
