"""What a process does to use the embedded servers: say that it is there, start them when nobody did, get the URLs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from backfill.embedded.folder import DATABASE, OWN_SERVERS, ServerState, SharedFolder
from backfill.embedded.locks import FileLock
from backfill.embedded.logs import end_of_log, size_of_log
from backfill.embedded.wheels import find_wheels
from backfill.runs.errors import EmbeddedUnavailable
from backfill.urls import ServerUrls

_POLL_SECONDS = 0.01
_IMPORT_ROOT = Path(__file__).resolve().parents[2]


class EmbeddedServers:
    """This process's share in the servers, held until `close` or until the process ends."""

    def __init__(self, urls: ServerUrls, presence: FileLock) -> None:
        self.urls = urls
        self._presence = presence

    def close(self) -> None:
        """Say that this process no longer uses the servers; the last one to say so stops them."""
        self._presence.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def use_embedded(folder: Path, *, database: str = DATABASE) -> EmbeddedServers:
    """Join the servers of `folder`, or start them; blocks until both answer. Raises EmbeddedUnavailable.

    `database` is the name of the database and of its owner, made with the folder: it stays what it is then.
    """
    shared = SharedFolder(path=folder.resolve(), database=database)
    shared.prepare()
    with FileLock(shared.start_lock) as turn:
        turn.wait_exclusive()
        presence = FileLock(shared.users_lock)
        presence.close_in_forks()
        try:
            presence.wait_shared()
            state = _join_or_start(shared)
        except BaseException:
            presence.close()
            raise
    return EmbeddedServers(ServerUrls(database_url=state.database_url, redis_url=state.redis_url), presence)


def _join_or_start(shared: SharedFolder) -> ServerState:
    log_size = size_of_log(shared.keeper_log)
    started = False
    with FileLock(shared.keeper_lock) as probe:
        while True:
            if not _nobody_holds(probe):
                state = shared.read_state()
                if state:
                    return state
                time.sleep(_POLL_SECONDS)
            elif not started:
                find_wheels()  # here too: what the keeper cannot find, it could only write to its log
                _start_keeper(shared)
                started = True
            else:
                raise shared.read_failure() or _keeper_ended(shared, log_size)


def _nobody_holds(lock: FileLock) -> bool:
    free = lock.try_shared()
    if free:
        lock.release()
    return free


def _start_keeper(shared: SharedFolder) -> None:
    """Returns when the keeper has taken its lock, or could not."""
    shared.set_state_aside()
    shared.failure_file.unlink(missing_ok=True)
    with shared.keeper_log.open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "backfill.embedded.keeper", str(shared.path), shared.database],
            cwd=_IMPORT_ROOT,  # `-m` looks there first
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's Ctrl-C is for the user
            check=False,  # a keeper that ended does not hold its lock: seen there
        )


def _keeper_ended(shared: SharedFolder, log_size: int) -> EmbeddedUnavailable:
    return EmbeddedUnavailable(
        "The keeper of the embedded servers ended before they answered.",
        f"{OWN_SERVERS}, or try again. {end_of_log(shared.keeper_log, log_size)}",
    )
