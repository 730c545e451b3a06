"""What keeps people from a database: each is told in a sentence, by every command alike, and none with a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from backfill.urls import ServerUrls
from tests.support.cli import NAME, WORKER, refusal
from tests.support.commands import environment_for
from tests.support.databases import migrate, new_database
from tests.support.forked import run

COMMANDS = (("backfill", "doctor"), ("alembic", "upgrade", "head"), WORKER, ("backfill", "enqueue", NAME))

# What an administrator does to the role {role} or the database {name}, and what is said then.
DONE_TO_THEM = {
    "ALTER ROLE {role} NOLOGIN": 'refused the login: role "{role}" is not permitted to log in',
    "ALTER ROLE {role} PASSWORD 'another'": "refused the password",
    "ALTER ROLE {role} PASSWORD NULL": "refused the password",
    "ALTER ROLE {role} VALID UNTIL '2000-01-01'": "refused the password",
    "ALTER ROLE {role} CONNECTION LIMIT 0": 'has no connection left: too many connections for role "{role}"',
    "ALTER DATABASE {name} CONNECTION LIMIT 0": 'has no connection left: too many connections for database "{name}"',
    "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC": 'refused the connection: permission denied for database "{name}"',
    "ALTER DATABASE {name} ALLOW_CONNECTIONS false": 'database "{name}" is not currently accepting connections',
}
# Said in the URL: what replaces a part of it, and what is said then.
SAID_IN_IT = {
    ("{name}", "nowhere"): "does not have this database",
    ("{role}:hunter2@", "{role}@"): "password",
    ("?", "?options=-c%20nonsense%3D1"): 'refused the connection: unrecognized configuration parameter "nonsense"',
    ("?", "?options=-c%20work_mem%3Dmuch"): 'refused the connection: invalid value for parameter "work_mem": "much"',
    ("?", "?options=--frobnicate"): "refused the connection: ",
    ("?", "?sslmode=require"): "cannot be reached: PostgreSQL server",
    ("?", "?sslmode=require&ssl_min_protocol_version=TLSv9"): "cannot be connected to",
    ("?", "?host=/no/such/folder"): "cannot be reached: No such file or directory",
    ("?", "?host=a..b"): "cannot be",
}


@pytest.fixture
async def role(database: str) -> AsyncIterator[str]:
    name = f"refused_{urlsplit(database).path.rpartition('_')[2]}"
    await execute(database, f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'")
    yield name
    await execute(elsewhere(database), f"DROP ROLE {name}")


def elsewhere(database: str) -> str:
    """Nobody may shut the database that he is in."""
    return urlsplit(database)._replace(path="/postgres").geturl()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def url_of(database: str, role: str) -> str:
    parts = urlsplit(database)
    return f"{parts._replace(netloc=f'{role}:hunter2@{parts.hostname}:{parts.port}').geturl()}?"


async def assert_told(url: str, redis_url: str, words: str) -> None:
    env = environment_for(database_url=url, redis_url=redis_url)

    doctor, *others = await asyncio.gather(*(asyncio.to_thread(run, *command, env=env) for command in COMMANDS))

    assert doctor.returncode == 7, doctor.stdout
    assert words in doctor.stdout
    assert "Traceback" not in doctor.stdout + doctor.stderr
    assert all(words in refusal(done, 7) for done in others)


@pytest.mark.parametrize("done", DONE_TO_THEM)
async def test_who_is_kept_out_is_told_why(done: str, database: str, role: str, redis_url: str) -> None:
    name = urlsplit(database).path.removeprefix("/")
    await execute(elsewhere(database), done.format(role=role, name=name))

    await assert_told(url_of(database, role), redis_url, DONE_TO_THEM[done].format(role=role, name=name))


@pytest.mark.parametrize("change", SAID_IN_IT, ids=lambda change: change[1])
async def test_a_url_that_leads_nowhere_is_told_so(
    change: tuple[str, str], database: str, role: str, redis_url: str
) -> None:
    name = urlsplit(database).path.removeprefix("/")
    old, new = (part.format(role=role, name=name) for part in change)

    await assert_told(url_of(database, role).replace(old, new), redis_url, SAID_IN_IT[change])


async def test_another_kind_of_server_is_told_so(servers: ServerUrls, redis_url: str) -> None:
    redis = urlsplit(servers.redis_url)

    await assert_told(
        f"postgresql://me:hunter2@{redis.hostname}:{redis.port}/app?connect_timeout=1", redis_url, "PostgreSQL at"
    )


async def test_an_environment_that_the_driver_cannot_read_is_told_so(database: str, redis_url: str) -> None:
    parts = urlsplit(database)
    url = parts._replace(netloc=parts.netloc.rpartition(":")[0]).geturl()
    env = environment_for(database_url=url, redis_url=redis_url) | {"PGPORT": "hunter"}

    assert "cannot be connected to" in refusal(run("backfill", "verify", env=env), 7)


async def test_a_database_of_another_encoding_is_migrated_and_verified(servers: ServerUrls, redis_url: str) -> None:
    async with new_database(servers.database_url) as url:
        name = urlsplit(url).path.removeprefix("/")
        await execute(servers.database_url, f"DROP DATABASE {name}")
        await execute(servers.database_url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")

        migrate(url, "head")
        verified = run("backfill", "verify", env=environment_for(database_url=url, redis_url=redis_url))

    assert verified.returncode == 0, verified.stderr
