"""Every form of a REDIS_URL that is understood, on a server; what keeps people from it is told in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import Spawn
from tests.support.cli import NAME, WORKER, refusal
from tests.support.commands import environment_for
from tests.support.forked import backfill, run
from tests.support.runs import enqueue, until_ready, wait_for_end
from tests.support.valkey_with_users import Ways, valkey_with_users

COMMANDS = (("backfill", "doctor"), ("backfill", "status"), ("backfill", "enqueue", NAME), WORKER)
FORMS = {
    "unix://:{0.password}@{0.socket}?db=3": "{0.socket} (database 3)",
    "unix://operator:hunter2@{0.socket}": "{0.socket} (database 0)",
    "redis://operator:hunter2@localhost:{0.port}/4": "localhost:{0.port} (database 4)",
    "redis://backfill:PASSWORD@localhost:{0.port}/6": "localhost:{0.port} (database 6)",
    "redis://127.0.0.1:{0.port}?username=operator&password=hunter2&db=5": "127.0.0.1:{0.port} (database 5)",
}
REFUSED = {
    "redis://:hunter2@127.0.0.1:{0.port}/0": "invalid username-password pair",
    "redis://127.0.0.1:{0.port}/0": "Authentication required",
    "redis://operator:hunter2@127.0.0.1:{0.port}/999": "DB index is out of range",
    "unix://:hunter2@/no/such.sock": "No such file or directory",
}


@pytest.fixture(scope="module")
def valkey() -> Iterator[Ways]:
    with valkey_with_users() as ways:
        yield ways


@pytest.mark.parametrize("form", FORMS)
async def test_a_run_works_through_every_form(form: str, valkey: Ways, database: str, spawn: Spawn) -> None:
    env = environment_for(database_url=database, redis_url=form.format(valkey))
    await until_ready(spawn(*WORKER, env=env))

    ended = wait_for_end(env, enqueue(env)["id"])
    examined = backfill("doctor", env=env)

    assert ended["state"] == "succeeded"
    assert f"Valkey at {FORMS[form].format(valkey)}, version" in examined.stdout
    assert "hunter2" not in examined.stdout + examined.stderr


@pytest.mark.parametrize("form", REFUSED)
async def test_who_is_kept_out_is_told_why(form: str, valkey: Ways, database: str) -> None:
    await assert_told(form.format(valkey), database, REFUSED[form])


@pytest.mark.parametrize("user", ["reader:hunter2", "watcher:PASSWORD"])
async def test_who_may_only_read_may_look_and_is_told_that_nothing_can_be_started(
    user: str, valkey: Ways, database: str
) -> None:
    env = environment_for(database_url=database, redis_url=f"redis://{user}@127.0.0.1:{valkey.port}/9")
    name = user.partition(":")[0]

    enqueued, worker = (run(*command, env=env) for command in (COMMANDS[2], WORKER))

    assert backfill("doctor", env=env).returncode == 0
    assert f"{name} has no permissions to run" in refusal(enqueued, 7)
    assert f"{name} has no permissions to run" in refusal(worker, 7)


async def test_another_kind_of_server_is_told_so(database: str) -> None:
    postgres = urlsplit(database)

    await assert_told(f"redis://:hunter2@{postgres.hostname}:{postgres.port}/0", database, "Redis cannot be used")


async def assert_told(url: str, database: str, words: str) -> None:
    env = environment_for(database_url=database, redis_url=url)

    doctor, status, enqueued, worker = await asyncio.gather(
        *(asyncio.to_thread(run, *command, env=env) for command in COMMANDS)
    )

    assert doctor.returncode == 7, doctor.stdout
    assert words in doctor.stdout
    assert "Traceback" not in doctor.stdout + doctor.stderr
    for done in (status, enqueued, worker):
        assert words in refusal(done, 7), done.args
