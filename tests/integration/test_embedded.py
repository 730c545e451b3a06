from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis

from backfill.embedded import use_embedded
from backfill.embedded.wheels import copy_of_wheels, find_wheels
from backfill.runs.errors import EmbeddedUnavailable
from backfill.urls import ServerUrls
from tests.support.commands import REPOSITORY, environment_for
from tests.support.embedded_users import (
    NOBODY_ID,
    TRY_TO_USE,
    USE_WITH_A_FORKED_CHILD,
    EmbeddedUser,
    RunningServers,
    account_of,
    command_lines,
    is_running,
    mode_of,
    python_for,
    store_a_word,
    stored_words,
)
from tests.support.waiting import wait_until

STOP_SECONDS = 20.0

StartUser = Callable[..., EmbeddedUser]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="for root only")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every account can enter; pytest's own are for one account only."""
    folder = Path(tempfile.mkdtemp(prefix="embedded servers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(open_folder: Path) -> Path:
    return open_folder / ".embedded"


@pytest.fixture
async def start_user(open_folder: Path) -> AsyncIterator[StartUser]:
    """Ends all users and waits for their servers, before their folder is deleted."""
    users: list[EmbeddedUser] = []

    def start(*arguments: Any, **options: Any) -> EmbeddedUser:
        users.append(EmbeddedUser(*arguments, **options))
        return users[-1]

    yield start
    for user in users:
        user.kill()
        if is_running(user.running.keeper_pid):
            os.kill(user.running.keeper_pid, signal.SIGTERM)  # now, and not only when nobody comes for a while
    for user in users:
        await wait_until(user.running.all_ended, STOP_SECONDS)


async def test_users_share_one_pair_of_servers(folder: Path, start_user: StartUser) -> None:
    first = start_user(folder)
    second = start_user(folder)

    first.leave()

    assert second.urls == first.urls
    assert second.running.pids == first.running.pids
    await store_a_word(second.urls, "still here")


async def test_users_that_come_at_the_same_time_start_one_pair(folder: Path, start_user: StartUser) -> None:
    users = await asyncio.gather(*(asyncio.to_thread(start_user, folder) for _ in range(4)))

    assert len({user.running.postgres_pid for user in users}) == 1
    assert len({user.urls for user in users}) == 1


async def test_a_process_can_use_the_servers_twice(folder: Path, start_user: StartUser) -> None:
    other = start_user(folder)

    with use_embedded(folder) as outer, use_embedded(folder) as inner:
        assert outer.urls == inner.urls == other.urls


async def test_a_killed_user_leaves_no_server_behind(folder: Path, start_user: StartUser) -> None:
    user = start_user(folder)

    user.kill()

    await wait_until(user.running.all_ended, STOP_SECONDS)


async def test_a_forked_child_is_no_user(folder: Path, start_user: StartUser) -> None:
    user = start_user(folder, USE_WITH_A_FORKED_CHILD)

    user.kill()

    await wait_until(user.running.all_ended, STOP_SECONDS)


async def test_a_killed_keeper_takes_the_servers_with_it_and_the_next_user_finds_its_rows_again(
    folder: Path, start_user: StartUser
) -> None:
    before = start_user(folder)
    await store_a_word(before.urls, "kept")

    os.kill(before.running.keeper_pid, signal.SIGKILL)
    after = start_user(folder)

    assert before.running.all_ended()
    assert await stored_words(after.urls) == ["kept", "kept"]
    assert await stored_words(before.urls) == ["kept", "kept"], "the user that stayed has lost its servers"


async def test_the_next_start_waits_for_what_a_killed_keeper_has_left_running(
    folder: Path, start_user: StartUser
) -> None:
    before = start_user(folder)
    os.kill(before.running.valkey_pid, signal.SIGSTOP)
    os.kill(before.running.keeper_pid, signal.SIGKILL)

    starting = asyncio.create_task(asyncio.to_thread(start_user, folder))
    await wait_until(lambda: "waiting for the servers" in (folder / "keeper.log").read_text())
    os.kill(before.running.valkey_pid, signal.SIGCONT)
    after = await starting

    assert before.running.all_ended()
    assert not after.running.all_ended()


async def test_the_next_start_finds_what_the_last_one_stored(folder: Path, start_user: StartUser) -> None:
    before = start_user(folder)
    await store_a_word(before.urls, "kept")
    before.leave()
    await wait_until(before.running.all_ended, STOP_SECONDS)

    after = start_user(folder)

    assert await stored_words(after.urls) == ["kept", "kept"]


@pytest.mark.parametrize("server", ["postgres_pid", "valkey_pid"])
async def test_a_killed_server_is_started_again_where_it_was(server: str, folder: Path, start_user: StartUser) -> None:
    user = start_user(folder)
    await store_a_word(user.urls, "kept")
    killed = getattr(user.running, server)

    os.kill(killed, signal.SIGKILL)

    await wait_until(lambda: getattr(RunningServers(folder), server) != killed)
    assert await stored_words(user.urls) == ["kept", "kept"]


async def test_no_password_is_on_a_command_line(folder: Path, start_user: StartUser) -> None:
    user = start_user(folder)
    passwords = [urlsplit(url).password for url in (user.urls.database_url, user.urls.redis_url)]

    visible = command_lines()

    assert all(passwords)
    assert [line for line in visible if any(str(password) in line for password in passwords)] == []
    assert any(str(folder) in line for line in visible), "the servers themselves must be among them"


async def test_wrong_passwords_are_refused(folder: Path, start_user: StartUser) -> None:
    user = start_user(folder)
    other = user.urls.redis_url.replace("redis://:", "redis://:x")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(user.urls.database_url, password="x")
    with redis.Redis.from_url(other) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


async def test_only_their_owner_can_read_passwords_and_rows(folder: Path, start_user: StartUser) -> None:
    files = start_user(folder).running.files

    secrets = [folder / "state.json", *files.glob("*.password")]

    assert [mode_of(path) for path in secrets] == [0o600] * 3
    assert mode_of(files / "servers") == 0o700


def test_urls_do_not_show_their_passwords() -> None:
    urls = ServerUrls(database_url="postgresql://a:secret@localhost/a", redis_url="redis://:secret@localhost")

    assert "secret" not in repr(urls)


@needs_root
async def test_for_root_the_servers_run_as_somebody_else(folder: Path, start_user: StartUser) -> None:
    running = start_user(folder).running

    assert 0 not in {account_of(running.postgres_pid), account_of(running.valkey_pid)}
    assert running.files == folder


@needs_root
async def test_for_root_a_private_folder_stays_private(tmp_path: Path, start_user: StartUser) -> None:
    folder = tmp_path / ".embedded"  # which pytest makes for its owner only
    first = start_user(folder)
    await store_a_word(first.urls, "kept")
    first.leave()
    await wait_until(first.running.all_ended, STOP_SECONDS)

    second = start_user(folder)

    assert mode_of(tmp_path) == 0o700
    assert not second.running.files.is_relative_to(tmp_path)
    assert await stored_words(second.urls) == ["kept", "kept"]
    second.leave()
    await wait_until(second.running.all_ended, STOP_SECONDS)
    shutil.rmtree(second.running.files)


@needs_root
async def test_for_an_ordinary_user_they_run_as_that_user(
    open_folder: Path, folder: Path, start_user: StartUser
) -> None:
    os.chown(open_folder, NOBODY_ID, NOBODY_ID)
    env = environment_for(PYTHONPATH=str(find_wheels().postgres_install.parents[1]))
    python = python_for(NOBODY_ID, env) or pytest.skip("this account can run no Python that finds us and the wheels")

    running = start_user(folder, python=python, env=env, account_id=NOBODY_ID).running

    assert {account_of(pid) for pid in running.pids} == {NOBODY_ID}
    assert running.files == folder
    with pytest.raises(EmbeddedUnavailable, match="belongs to nobody, and you are root"):
        use_embedded(folder)


def test_the_copied_binaries_serve_as_well(open_folder: Path) -> None:
    copied = copy_of_wheels(find_wheels(), open_folder)

    for program in [copied.postgres("postgres"), copied.postgres("initdb"), copied.valkey_server]:
        subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
    assert copy_of_wheels(find_wheels(), open_folder) == copied


def test_missing_wheels_are_told_with_both_ways_out(folder: Path) -> None:
    without_installed_packages = [sys.executable, "-S", "-c", TRY_TO_USE, str(folder)]

    told = subprocess.run(
        without_installed_packages, cwd=REPOSITORY, env=environment_for(), capture_output=True, text=True, check=True
    ).stdout

    assert "DATABASE_URL and REDIS_URL" in told
    assert "pip install 'online-backfill[embedded]'" in told


async def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log(
    folder: Path, start_user: StartUser
) -> None:
    user = start_user(folder)
    user.leave()
    await wait_until(user.running.all_ended, STOP_SECONDS)
    (folder / "servers" / "postgres" / "global" / "pg_control").unlink()

    with pytest.raises(EmbeddedUnavailable) as raised:
        use_embedded(folder)

    assert "PostgreSQL did not start" in str(raised.value)
    assert "pg_control" in str(raised.value)
    assert str(folder / "postgres.log") in str(raised.value)


def test_a_folder_with_other_files_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(EmbeddedUnavailable, match="not the embedded servers'"):
        use_embedded(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    with pytest.raises(EmbeddedUnavailable, match="Others may write"):
        use_embedded(tmp_path)
