"""Processes that use the embedded servers, for tests that stop them in ways a test cannot stop itself."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import redis

from backfill.urls import ServerUrls
from tests.support.commands import REPOSITORY, environment_for

NOBODY_ID = 65534

USE_UNTIL_TOLD = """
import json, sys
from pathlib import Path
from backfill.embedded import use_embedded

servers = use_embedded(Path(sys.argv[1]))
print(json.dumps([servers.urls.database_url, servers.urls.redis_url]), flush=True)
sys.stdin.read()
"""
USE_WITH_A_FORKED_CHILD = """
import json, os, sys, time
from pathlib import Path
from backfill.embedded import use_embedded

servers = use_embedded(Path(sys.argv[1]))
if os.fork() == 0:
    os.close(1)
    time.sleep(60)
    os._exit(0)
print(json.dumps([servers.urls.database_url, servers.urls.redis_url]), flush=True)
sys.stdin.read()
"""
TRY_TO_USE = """
import sys
from pathlib import Path
from backfill.embedded import use_embedded
from backfill.runs.errors import EmbeddedUnavailable

try:
    use_embedded(Path(sys.argv[1]))
except EmbeddedUnavailable as error:
    print(error)
"""


class EmbeddedUser:
    """A process that has joined the servers of `folder`; constructing blocks until both answer."""

    def __init__(
        self,
        folder: Path,
        program: str = USE_UNTIL_TOLD,
        *,
        python: Sequence[str] = (sys.executable,),
        env: Mapping[str, str] | None = None,
        account_id: int | None = None,
    ) -> None:
        self._child = subprocess.Popen(
            [*python, "-c", program, str(folder)],
            cwd=REPOSITORY,  # `-c` looks there first
            env=env or environment_for(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=account_id,
            group=account_id,
            extra_groups=None if account_id is None else [],
        )
        assert self._child.stdout
        database_url, redis_url = json.loads(self._child.stdout.readline())
        self.urls = ServerUrls(database_url=database_url, redis_url=redis_url)
        self.running = RunningServers(folder)

    def leave(self) -> None:
        """End by itself, as a command does that has done its work."""
        self._child.communicate()

    def kill(self) -> None:
        self._child.send_signal(signal.SIGKILL)
        self._child.communicate()


class RunningServers:
    """What the state file says at this moment, kept for when the file is gone."""

    def __init__(self, folder: Path) -> None:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        self.files = Path(state["files"])
        self.keeper_pid: int = state["keeper_pid"]
        self.postgres_pid: int = state["pids"]["PostgreSQL"]
        self.valkey_pid: int = state["pids"]["Valkey"]

    @property
    def pids(self) -> list[int]:
        return [self.keeper_pid, self.postgres_pid, self.valkey_pid]

    def all_ended(self) -> bool:
        return not any(is_running(pid) for pid in self.pids)


def is_running(pid: int) -> bool:
    """A process that has ended and whose parent has not asked yet is still listed, but does not run."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def account_of(pid: int) -> int:
    """The user id that a process runs as."""
    return int(psutil.Process(pid).uids().effective)


def command_lines() -> list[str]:
    """What everybody on this machine can see of every process."""
    return [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]


def python_for(account_id: int, env: Mapping[str, str]) -> list[str] | None:
    """An interpreter that the account may run and that finds us: ours may be in a home that only root may enter."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        wants = [candidate, "-c", "from backfill.embedded.wheels import find_wheels; find_wheels()"]
        with suppress(PermissionError, FileNotFoundError):
            tried = subprocess.run(
                wants, user=account_id, group=account_id, extra_groups=[], cwd=REPOSITORY, env=env, check=False
            )
            if tried.returncode == 0:
                return [candidate]
    return None


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def store_a_word(urls: ServerUrls, word: str) -> None:
    connection = await asyncpg.connect(urls.database_url)
    await connection.execute("CREATE TABLE words AS SELECT $1::text AS word", word)
    await connection.close()
    with redis.Redis.from_url(urls.redis_url) as client:
        client.set("word", word)


async def stored_words(urls: ServerUrls) -> list[str]:
    connection = await asyncpg.connect(urls.database_url)
    in_postgres = await connection.fetchval("SELECT word FROM words")
    await connection.close()
    with redis.Redis.from_url(urls.redis_url, decode_responses=True) as client:
        return [in_postgres, str(client.get("word"))]
