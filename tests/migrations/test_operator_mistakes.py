from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import Connect
from tests.migrations.support import alembic
from tests.support.commands import environment_for
from tests.support.forked import backfill

COMMANDS = (("enqueue", "generation-versions"), ("preview",), ("schema",), ("schema", "--apply"))


def test_a_server_that_is_down(unused_port: int) -> None:
    refused = alembic("upgrade", "head", url=f"postgresql://someone:hidden@127.0.0.1:{unused_port}/somewhere")

    assert_explained(
        refused,
        7,
        f"error: PostgreSQL at 127.0.0.1:{unused_port} (database somewhere) cannot be reached: nothing listens there. ",
    )


def test_a_host_that_does_not_exist() -> None:
    refused = alembic("upgrade", "head", url="postgresql://someone:hidden@no-such-host.invalid/somewhere")

    assert_explained(refused, 7, "error: PostgreSQL at no-such-host.invalid (database somewhere) cannot be reached: ")


def test_a_database_that_does_not_exist(blank_database: str) -> None:
    refused = alembic("upgrade", "head", url=_with(blank_database, path="/nowhere"))

    assert_explained(refused, 7, "(database nowhere) does not have this database. ")


def test_a_user_that_does_not_exist(blank_database: str) -> None:
    address = urlsplit(blank_database).netloc.rpartition("@")[2]

    refused = alembic("upgrade", "head", url=_with(blank_database, netloc=f"nobody_here:hidden@{address}"))

    assert_explained(refused, 7, " refused the ")


@pytest.mark.parametrize(
    "url", ["postgresql://someone:hidden@host:port/x", "mysql://someone:hidden@host/x", "someone:hidden@host", "hidden"]
)
def test_a_url_that_is_none(url: str) -> None:
    refused = alembic("upgrade", "head", url=url)

    assert_explained(refused, 2, "error: DATABASE_URL")


def test_a_parameter_that_the_driver_does_not_know() -> None:
    refused = alembic("upgrade", "head", url="postgresql://someone:hidden@127.0.0.1/x?requirepeer=postgres")

    assert_explained(refused, 2, "error: DATABASE_URL: has parameters that are not understood: requirepeer. ")


def test_a_setting_that_does_not_exist(blank_database: str) -> None:
    refused = alembic("upgrade", "head", url=blank_database, BACKFILL_MIGRATION_PATIENCE="5")

    assert_explained(refused, 2, "error: BACKFILL_MIGRATION_PATIENCE: ")


async def test_tables_that_no_revision_is_recorded_for(database_e011: str, connect: Connect) -> None:
    await (await connect(database_e011)).execute("DROP TABLE alembic_version")

    refused = alembic("upgrade", "head", url=database_e011)

    assert_explained(refused, 6, "run `alembic stamp e011ab9dd223` first.")
    assert alembic("stamp", "e011ab9dd223", url=database_e011).returncode == 0
    assert alembic("upgrade", "head", url=database_e011).returncode == 0


async def test_a_recorded_revision_without_its_tables(blank_database: str) -> None:
    assert alembic("stamp", "e011ab9dd223", url=blank_database).returncode == 0

    refused = alembic("upgrade", "head", url=blank_database)

    assert_explained(refused, 6, "error: The tables are not those of the recorded revision: ")


async def test_a_user_that_does_not_own_the_tables(database_e011: str, stranger: str, connect: Connect) -> None:
    await (await connect(database_e011)).execute(
        "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC"
    )

    refused = alembic("upgrade", "head", url=_as(database_e011, stranger))

    assert_explained(refused, 6, "error: The schema may not be changed: must be owner of table generations. ")


async def test_an_owner_with_a_single_connection_and_no_other_right_can_migrate(
    blank_database: str, stranger: str, connect: Connect
) -> None:
    database = urlsplit(blank_database).path.removeprefix("/")
    await (await connect(blank_database)).execute(
        f"ALTER DATABASE {database} OWNER TO {stranger}; ALTER ROLE {stranger} CONNECTION LIMIT 1"
    )

    upgraded = alembic("upgrade", "head", url=_as(blank_database, stranger))

    assert upgraded.returncode == 0, upgraded.stderr
    assert "cannot say what will be waited for, no second connection" in upgraded.stderr


def assert_explained(done: subprocess.CompletedProcess[str], exit_code: int, sentence: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr + done.stdout


@pytest.fixture
async def stranger(blank_database: str, connect: Connect) -> AsyncIterator[str]:
    """A role of its own, with the password `hidden`."""
    role = f"stranger_{urlsplit(blank_database).path.rpartition('_')[2]}"
    admin = await connect(blank_database)
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'hidden'")
    yield role
    await admin.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


def _with(url: str, **parts: str) -> str:
    return urlsplit(url)._replace(**parts).geturl()


def _as(url: str, role: str) -> str:
    return _with(url, netloc=f"{role}:hidden@{urlsplit(url).netloc.rpartition('@')[2]}")


# What every other command says about these, and that what it says to run is right.


async def test_a_database_without_tables_is_told_so_and_how_it_gets_them(blank_database: str, redis_url: str) -> None:
    env = environment_for(database_url=blank_database, redis_url=redis_url)

    refused = [backfill(*command, env=env) for command in COMMANDS]
    upgraded = alembic("upgrade", "head", url=blank_database)

    for one in refused:
        assert_explained(one, 6, "Check DATABASE_URL; a new database gets its tables by: alembic upgrade head.")
    assert upgraded.returncode == 0
    assert backfill("doctor", env=env).returncode == 0


@pytest.mark.parametrize("revision", ["e011ab9dd223", "39e7f45c72f1"])
async def test_a_revision_that_is_recorded_without_tables(blank_database: str, redis_url: str, revision: str) -> None:
    env = environment_for(database_url=blank_database, redis_url=redis_url)
    assert alembic("stamp", revision, url=blank_database).returncode == 0

    refused = backfill("enqueue", "generation-versions", env=env)
    done = [alembic(*command, url=blank_database) for command in (("stamp", "--purge", "base"), ("upgrade", "head"))]

    said = f"alembic_version says {revision}. For a new database run: alembic stamp --purge base, then alembic upgrade"
    assert_explained(refused, 6, said)
    assert [one.returncode for one in done] == [0, 0]
    assert backfill("doctor", env=env).returncode == 0


@pytest.mark.parametrize("record", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
async def test_tables_without_a_recorded_revision_are_told_how_to_have_it_recorded(
    database_e011: str, redis_url: str, connect: Connect, record: str
) -> None:
    env = environment_for(database_url=database_e011, redis_url=redis_url)
    await (await connect(database_e011)).execute(record)

    refused = backfill("enqueue", "generation-versions", env=env)
    done = [alembic(*command, url=database_e011) for command in (("stamp", "e011ab9dd223"), ("upgrade", "head"))]

    assert_explained(refused, 6, "Run: alembic stamp e011ab9dd223, then alembic upgrade head; ")
    assert [one.returncode for one in done] == [0, 0]
    assert backfill("doctor", env=env).returncode == 0


async def test_a_later_revision_of_the_application(database: str, redis_url: str, connect: Connect) -> None:
    await (await connect(database)).execute("UPDATE alembic_version SET version_num = 'f00dfeed0001'")

    for command in (("upgrade", "head"), ("current",)):
        assert_explained(alembic(*command, url=database), 6, "The database is at revision f00dfeed0001, ")
    assert backfill("doctor", env=environment_for(database_url=database, redis_url=redis_url)).returncode == 0
