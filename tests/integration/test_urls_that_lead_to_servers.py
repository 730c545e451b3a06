"""Every form of a DATABASE_URL that is understood, on servers: through the engine, and through Alembic."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from sqlalchemy import text

from backfill.runs.errors import DatabaseUnreachable
from backfill.sql.database import open_engine, reachable
from tests.conftest import Spawn
from tests.support.cli import NAME, WORKER, refusal
from tests.support.commands import environment_for, run_command
from tests.support.databases import migrate
from tests.support.forked import backfill
from tests.support.standby import Pair, primary_and_standby
from tests.support.waiting import wait_until

DATABASE = "application"
STANDBY = "SELECT pg_is_in_recovery()"
FOLLOWED = "SELECT to_regprocedure('public.generations_number_before_insert()') IS NOT NULL"
NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[Pair]:
    """The primary is migrated, and the standby has followed."""
    with primary_and_standby() as made:
        migrate(made.primary_url, "head")
        await wait_until(lambda: ask(made.standby_url, FOLLOWED), 30)
        yield made


async def ask(url: str, statement: str) -> object:
    engine = open_engine(url, application_name="tests")
    try:
        async with reachable(url), engine.connect() as connection:
            return await connection.scalar(text(statement))
    finally:
        await engine.dispose()


def forms(pair: Pair, passfile: Path) -> dict[str, str]:
    url = urlsplit(pair.primary_url)
    login, port, folder = f"{url.username}:{url.password}", url.port, pair.socket_folder
    return {
        "socket folder in the query": f"postgresql://{login}@/{DATABASE}?host={folder}&port={port}",
        "socket folder as the host": f"postgresql://{login}@{quote(str(folder), safe='')}:{port}/{DATABASE}",
        "everything in the query": f"postgresql://?host=127.0.0.1&port={port}&user={url.username}"
        f"&password={url.password}&dbname={DATABASE}",
        "an address of IPv6": f"postgresql://{login}@[::1]:{port}/{DATABASE}",
        "several hosts": f"postgresql://{login}@{NOBODY},127.0.0.1:{port}/{DATABASE}",
        "several hosts in the query": f"postgresql://{login}@/{DATABASE}?host=127.0.0.1,127.0.0.1&port=1,{port}",
        "as SQLAlchemy writes several": f"postgresql+asyncpg://{login}@/{DATABASE}?host={NOBODY}&host=127.0.0.1:{port}",
        "passfile": f"postgresql://{url.username}@127.0.0.1:{port}/{DATABASE}?passfile={passfile}",
    }


FORMS = (
    "socket folder in the query",
    "socket folder as the host",
    "everything in the query",
    "an address of IPv6",
    "several hosts",
    "several hosts in the query",
    "as SQLAlchemy writes several",
    "passfile",
)


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_that_libpq_takes_leads_to_the_server(form: str, pair: Pair, tmp_path: Path) -> None:
    if form == "an address of IPv6" and not has_ipv6():
        pytest.skip("no IPv6 here")
    passfile = tmp_path / "pass file"
    passfile.touch(mode=0o600)
    passfile.write_text(f"127.0.0.1:*:*:*:{urlsplit(pair.primary_url).password}\n")
    url = forms(pair, passfile)[form].replace(" ", "%20") if form == "passfile" else forms(pair, passfile)[form]

    migrated = run_command("alembic", "current", env=environment_for(database_url=url))

    assert await ask(url, "SELECT current_database()::text") == DATABASE
    assert "(head)" in migrated.stdout, migrated.stderr


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_options_are_passed_on_and_do_not_undo_what_is_set_here(pair: Pair) -> None:
    url = f"{pair.primary_url}?options=-c%20geqo_threshold%3D7%20-c%20row_security%3Don"

    assert await ask(url, "SHOW geqo_threshold") == "7"
    assert await ask(url, "SHOW row_security") == "off"
    assert "(head)" in run_command("alembic", "current", env=environment_for(database_url=url)).stdout


@pytest.mark.parametrize(("attributes", "is_standby"), [("read-write", False), ("prefer-standby", True)])
async def test_of_several_hosts_the_one_is_taken_that_is_asked_for(
    pair: Pair, attributes: str, is_standby: bool
) -> None:
    primary, standby = urlsplit(pair.primary_url), urlsplit(pair.standby_url)
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    if is_standby:
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    url = f"postgresql://{primary.username}:{primary.password}@{hosts}/{DATABASE}?target_session_attrs={attributes}"

    assert await ask(url, STANDBY) is is_standby


async def test_where_no_host_is_what_is_asked_for_each_says_why(pair: Pair) -> None:
    standby = urlsplit(pair.standby_url)
    login = f"{standby.username}:{standby.password}"
    url = f"postgresql://{login}@{NOBODY},127.0.0.1:{standby.port}/{DATABASE}?target_session_attrs=primary"

    refused = refusal(run_command("alembic", "current", env=environment_for(database_url=url)), 7)

    assert f"PostgreSQL at {NOBODY}, 127.0.0.1:{standby.port} (database {DATABASE}) cannot be used" in refused
    assert f"{NOBODY} cannot be reached: nothing listens there" in refused
    assert f"127.0.0.1:{standby.port} is not what target_session_attrs asks for" in refused


async def test_a_host_that_does_not_answer_leaves_the_others_their_time(pair: Pair) -> None:
    asked = 0

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as mute:
        mute_port = mute.sockets[0].getsockname()[1]
        url = pair.primary_url.replace("@", f"@127.0.0.1:{mute_port},") + "?connect_timeout=1"

        assert await ask(url, STANDBY) is False

        engine = open_engine(f"{url}&target_session_attrs=read-write", application_name="tests")
        async with engine.connect(), engine.connect():
            assert asked == 2  # once by each of the two engines: the host that served is asked first from then on
        await engine.dispose()

        alone = f"postgresql://127.0.0.1:{mute_port}/{DATABASE}?connect_timeout=1"
        with pytest.raises(DatabaseUnreachable, match=f"127.0.0.1:{mute_port} .* did not answer in time"):
            await ask(alone, STANDBY)


async def test_a_standby_is_named_to_who_wants_to_write_and_may_be_verified(pair: Pair, redis_url: str) -> None:
    env = environment_for(database_url=pair.standby_url, redis_url=redis_url)
    says = "(database application) is a standby, which is read-only. Let DATABASE_URL lead to the primary"

    worker, downgrade = run_command(*WORKER, env=env), run_command("alembic", "downgrade", "-1", env=env)
    examined, verified, enqueued = (backfill(*words, env=env) for words in (["doctor"], ["verify"], ["enqueue", NAME]))
    previewed = backfill("preview", env=env)

    assert says in refusal(worker, 7)
    assert (downgrade.returncode, says in downgrade.stderr) == (7, True), downgrade.stderr
    assert says in examined.stdout
    assert says.split(".", maxsplit=1)[0] in enqueued.stderr
    assert (verified.returncode, previewed.returncode) == (0, 0), verified.stderr + previewed.stderr


async def test_a_login_that_is_read_only_on_purpose_is_told_apart_from_a_standby(
    pair: Pair, redis_url: str, spawn: Spawn
) -> None:
    env = environment_for(database_url=pair.primary_url, redis_url=redis_url)
    role = urlsplit(pair.primary_url).username
    engine = open_engine(pair.primary_url, application_name="tests")
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"ALTER ROLE {role} SET default_transaction_read_only = on")

    worker, upgraded = run_command(*WORKER, env=env), run_command("alembic", "downgrade", "-1", env=env)
    verified = backfill("verify", env=env)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"ALTER ROLE {role} RESET default_transaction_read_only")
    await engine.dispose()

    says = f"default_transaction_read_only is on, set for the role {role}. To write to it: ALTER ROLE {role} RESET"
    assert says in refusal(worker, 7)
    assert (upgraded.returncode, says in upgraded.stderr) == (7, True), upgraded.stderr
    assert verified.returncode == 0, verified.stderr
