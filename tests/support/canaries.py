"""Secrets that are looked for afterwards in everything that was said, and servers that are entered with them.

Each stands for one place in the settings. They hold nothing that an encoding would change, so one that leaks is found.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import psutil
import redis.asyncio

from tests.support.commands import Spawned


class Canaries:
    """Makes them, takes down what was said where, and tells which of them was in it."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}
        self._heard: list[tuple[str, str]] = []
        self._running: list[tuple[str, Spawned]] = []

    def new(self, place: str) -> str:
        canary = f"canary{secrets.token_hex(10)}"
        self._places[canary] = place
        return canary

    def new_token(self, place: str) -> tuple[str, str]:
        """The secret, and its hash, which is no secret and yet nobody's to see."""
        secret = self.new(place)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self._places[digest] = f"hash of {place}"
        return secret, digest

    def hear(self, where: str, said: str) -> None:
        self._heard.append((where, said))

    def watch(self, name: str, process: Spawned) -> Spawned:
        """Its output and its line in the list of processes, and those of its children, as they are at the end."""
        self._running.append((name, process))
        self._look_at(name, process)
        return process

    def leaks(self) -> list[str]:
        """`place in where`: there must be none."""
        for name, process in self._running:
            self._look_at(name, process)
            self.hear(f"the output of {name}", process.log)
        assert all(said for where, said in self._heard if "list of processes" in where)
        found = {
            f"{place} in {where}: {_around(said, canary)}"
            for where, said in self._heard
            for canary, place in self._places.items()
            if canary in said
        }
        return sorted(found)

    def _look_at(self, name: str, process: Spawned) -> None:
        if process.exit_code is not None:
            return
        whole = psutil.Process(process.pid)
        for one in (whole, *whole.children(recursive=True)):
            self.hear(f"the list of processes, of {name}", " ".join(one.cmdline()) or one.name())


def _around(said: str, canary: str) -> str:
    at = said.index(canary)
    return said[max(0, at - 80) : at + len(canary) + 20]


@asynccontextmanager
async def postgres_entered_with(url: str, password: str) -> AsyncIterator[str]:
    """The URL for a role with that password, on the database that `url` leads to."""
    role = f"test_canary_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(url)
    parts = urlsplit(url)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}'")
        yield parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}").geturl()
    finally:
        await connection.execute(f"DROP ROLE IF EXISTS {role}")
        await connection.close()


@asynccontextmanager
async def redis_entered_with(url: str, password: str) -> AsyncIterator[str]:
    """The URL for a user with that password, on the same database as `url`."""
    user = f"test-canary-{secrets.token_hex(4)}"
    parts = urlsplit(url)
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.acl_setuser(user, enabled=True, passwords=[f"+{password}"], keys=["*"], categories=["+@all"])
        try:
            yield parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()
        finally:
            await client.acl_deluser(user)


async def change_passwords(database_url: str, redis_url: str, *, of_postgres: str, of_redis: str) -> None:
    """So that whoever has the old ones is out; the first two URLs are an administrator's, the others the visitors'."""
    role, user = urlsplit(of_postgres).username, urlsplit(of_redis).username
    assert role is not None
    assert user is not None
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"ALTER ROLE {role} PASSWORD 'another'")
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
    finally:
        await connection.close()
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.acl_setuser(user, enabled=True, reset_passwords=True, passwords=["+another"])
        await client.execute_command("CLIENT", "KILL", "USER", user)
