"""The process that is the servers' parent: starts them, watches them, and stops them when the last user has gone.

Started by a user (`python -m backfill.embedded.keeper FOLDER`), but no relative of it: it outlives the one and serves
the next. When it is killed, the kernel stops the servers, and the next user starts another keeper.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Never

from backfill.embedded.children import Household
from backfill.embedded.folder import OWN_SERVERS, ServerState, SharedFolder
from backfill.embedded.locks import FileLock
from backfill.embedded.place import prepare_place
from backfill.embedded.postgres import PostgresRecipe
from backfill.embedded.server import Recipe, Server
from backfill.embedded.valkey import ValkeyRecipe
from backfill.runs.errors import EmbeddedUnavailable

_POLL_SECONDS = 0.2
_UNUSED_SECONDS = 1.0  # commands that follow one another find the servers running
_LEFTOVER_SECONDS = 30.0

_log = logging.getLogger("keeper")


class Keeper:
    def __init__(self, shared: SharedFolder, keeper_lock: FileLock) -> None:
        self._shared = shared
        self._keeper_lock = keeper_lock
        self._servers_lock = FileLock(shared.servers_lock)
        self._turn = FileLock(shared.start_lock)
        self._users = FileLock(shared.users_lock)
        self._servers: list[Server] = []
        self._files = shared.path
        self._unused_since: float | None = None

    def keep(self) -> None:
        """Returns when the servers have been started, used, left alone, and stopped."""
        try:
            self._start()
            while self._wanted():
                self._start_again_what_ended()
                time.sleep(_POLL_SECONDS)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._stop()

    def let_go(self) -> None:
        """The turn last: whoever gets it must find the other locks free."""
        for lock in (self._servers_lock, self._keeper_lock, self._turn):
            lock.close()

    def _start(self) -> None:
        last = self._shared.last_state()
        self._wait_for_leftovers(last)
        place = prepare_place(self._shared)
        self._files = place.folder
        household = Household(account=place.account, servers_lock=self._servers_lock)
        recipes: list[Recipe] = [PostgresRecipe(place=place), ValkeyRecipe(place=place)]
        self._servers = [Server(recipe, household, last.ports.get(recipe.name) if last else None) for recipe in recipes]
        for server in self._servers:
            server.prepare()
            server.start()
        self._tell()
        _log.info("serving from %s as %s", self._files, place.account.name if place.account else "ourselves")

    def _wait_for_leftovers(self, last: ServerState | None) -> None:
        """Servers whose keeper was killed are on their way out; two on the same files would be the end of these."""
        if self._servers_lock.try_exclusive():
            return
        pids = last.pids if last else {}
        _log.warning("waiting for the servers of a keeper that was killed: %s", pids)
        if sys.platform != "linux":  # no kernel has told them
            for pid in pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
        if not self._servers_lock.exclusive_within(_LEFTOVER_SECONDS):
            raise EmbeddedUnavailable(
                f"Servers of an earlier start still run on {self._shared.path}; process ids: {pids or 'unknown'}.",
                f"Stop them. {OWN_SERVERS}.",
            )

    def _tell(self) -> None:
        postgres, valkey = self._servers
        self._shared.write_state(
            ServerState(
                database_url=postgres.url,
                redis_url=valkey.url,
                files=str(self._files),
                keeper_pid=os.getpid(),
                ports={server.name: server.port for server in self._servers},
                pids={server.name: server.pid for server in self._servers},
            )
        )

    def _start_again_what_ended(self) -> None:
        for server in self._servers:
            if server.ended:
                _log.warning("%s ended by itself; starting it again", server.name)
                server.start()
                self._tell()

    def _wanted(self) -> bool:
        """When it says no, it keeps the turn: whoever comes now waits until all is stopped, and starts afresh."""
        if not self._keeper_lock.is_at_its_path():
            _log.warning("the folder was deleted")
            return False
        if not self._turn.try_exclusive():
            self._unused_since = None  # somebody is coming
            return True
        if self._somebody_uses_them():
            self._turn.release()
            return True
        return False

    def _somebody_uses_them(self) -> bool:
        if not self._users.try_exclusive():
            self._unused_since = None
            return True
        self._users.release()
        now = time.monotonic()
        self._unused_since = self._unused_since or now
        return now - self._unused_since < _UNUSED_SECONDS

    def _stop(self) -> None:
        if self._keeper_lock.is_at_its_path():  # else it may be a new keeper's
            self._shared.set_state_aside()
        for server in reversed(self._servers):
            server.ask_to_stop()
        for server in self._servers:
            server.wait_stopped()
        _log.info("stopped")


def main() -> int:
    shared = SharedFolder(path=Path(sys.argv[1]), database=sys.argv[2])
    keeper_lock = FileLock(shared.keeper_lock)
    if not keeper_lock.try_exclusive():
        return 1
    if os.fork():  # holding the lock; the user who started us need not wait for a child to end
        os._exit(0)
    os.umask(0o077)
    logging.basicConfig(format="%(asctime)s keeper: %(message)s", level=logging.INFO)
    signal.signal(signal.SIGTERM, _end)
    keeper = Keeper(shared, keeper_lock)
    try:
        keeper.keep()
    except EmbeddedUnavailable as failure:
        _log.error("%s", failure)
        if keeper_lock.is_at_its_path():
            shared.write_failure(failure)
    finally:
        keeper.let_go()
    return 0


def _end(_signal: int, _frame: FrameType | None) -> Never:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
