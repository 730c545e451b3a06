"""What docker-compose.yml starts and what it asks for health, as plain processes on the tests' servers.

The programs run from a folder that holds what the image holds, so a file that the Dockerfile forgets is missing here
too. They get their secrets as files, by the compose file's own environment.
"""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import redis

from backfill.embedded.wheels import find_wheels
from backfill.runs.errors import EmbeddedUnavailable
from tests.conftest import Spawn
from tests.support.cli import NAME
from tests.support.commands import environment_for, run_command
from tests.support.compose import SECRETS, Image, command_of, environment_of, healthcheck_of, lay_out
from tests.support.kubernetes import liveness_of
from tests.support.old_rows import OldRows
from tests.support.roles import find_psql
from tests.support.waiting import wait_until

WITHIN_APP = ("/bin/sh", "-c", 'cd "$0" && exec "$@"')


@dataclass(frozen=True, slots=True)
class Container:
    """One service's environment in the image, with the folder of the test's secrets for Docker's."""

    image: Image
    env: Mapping[str, str]

    def arguments(self, *words: str) -> tuple[str, ...]:
        return (*WITHIN_APP, str(self.image.app), *words)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_command(*self.arguments(*words), env=self.env)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return lay_out(tmp_path_factory.mktemp("image"))


@pytest.fixture
def secret_files(tmp_path: Path, redis_url: str) -> Path:
    """As `make secrets` makes them, but for where Redis is."""
    folder = tmp_path / "secrets"
    made = run_command(sys.executable, "scripts/compose_secrets.py", str(folder), env=environment_for())
    assert made.returncode == 0, made.stderr
    _overwrite(folder / "redis_url", redis_url)
    return folder


def container(image: Image, service: str, secret_files: Path, database_url: str, **more: str) -> Container:
    _overwrite(secret_files / f"{'migrator' if service == 'migrate' else service}_database_url", database_url)
    given = {name: _in_folder(value, secret_files) for name, value in environment_of(service).items()}
    return Container(image, image.environment(environment_for(**(given | more))))


def _overwrite(file: Path, content: str) -> None:
    file.unlink()
    file.write_text(f"{content}\n", encoding="utf-8")


def _in_folder(words: str, secret_files: Path) -> str:
    return words.replace(SECRETS, f"{secret_files}/")


def test_the_image_runs_what_it_has_installed(image: Image, secret_files: Path, database: str) -> None:
    done = container(image, "worker", secret_files, database).run(
        "python", "-c", "import backfill; print(backfill.__file__)"
    )

    assert Path(done.stdout.strip()).is_relative_to(image.packages)


def test_the_migration_runs_to_its_end_and_may_run_again(image: Image, secret_files: Path, database_e011: str) -> None:
    migrate = container(image, "migrate", secret_files, database_e011)

    first, again = migrate.run(*command_of("migrate")), migrate.run(*command_of("migrate"))
    current = migrate.run("alembic", "current")

    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    assert "39e7f45c72f1 (head)" in current.stdout


async def test_a_worker_is_healthy_while_it_works_and_not_before_or_after(
    image: Image, secret_files: Path, database: str, rows: OldRows, spawn_program: Spawn
) -> None:
    box = container(image, "worker", secret_files, database)
    check = healthcheck_of("worker")
    await rows.add_project("p")
    await rows.add_many("p", 3)
    before = box.run(*check)

    worker = spawn_program(*box.arguments(*command_of("worker")), env=box.env)
    await wait_until(lambda: box.run(*check).returncode == 0, 30)
    box.run("backfill", "enqueue", NAME)
    waited = box.run("backfill", "wait", "--json", "--timeout", "60")
    worker.kill(signal.SIGTERM)

    assert worker.wait() == 0, worker.log
    assert json.loads(waited.stdout)["state"] == "succeeded", waited.stderr
    assert (before.returncode, box.run(*check).returncode) == (1, 1)


def test_a_worker_elsewhere_does_not_make_this_container_healthy(
    image: Image, secret_files: Path, database: str, redis_url: str
) -> None:
    box = container(image, "worker", secret_files, database)
    with redis.Redis.from_url(redis_url) as client:
        client.zadd("backfill:workers", {"elsewhere:1:abcd": 9_999_999_999_999})

    assert box.run(*healthcheck_of("worker")).returncode == 1


def test_a_worker_whose_redis_is_gone_is_not_healthy(image: Image, secret_files: Path, database: str) -> None:
    box = container(image, "worker", secret_files, database)
    _overwrite(secret_files / "redis_url", "redis://:hunter2@127.0.0.1:1/0")

    done = box.run(*healthcheck_of("worker"))

    assert done.returncode == 1
    assert done.stderr.startswith("error: Redis cannot be used")
    assert "hunter2" not in done.stderr


def test_what_restarts_dead_workers_restarts_none_because_redis_is_gone(
    image: Image, secret_files: Path, database: str
) -> None:
    box = container(image, "worker", secret_files, database)
    check = liveness_of("worker")
    no_sign_of_life = box.run(*check)
    _overwrite(secret_files / "redis_url", "redis://:hunter2@127.0.0.1:1/0")

    redis_gone = box.run(*check)

    assert (no_sign_of_life.returncode, redis_gone.returncode) == (1, 0)
    assert redis_gone.stderr.startswith("error: Redis cannot be used")


async def test_the_api_is_healthy_when_it_can_do_its_work(
    image: Image, secret_files: Path, database: str, spawn_program: Spawn
) -> None:
    box = api_container(image, secret_files, database)

    done = await api_health(box, spawn_program)

    assert done.returncode == 0, done.stderr


async def test_the_api_is_not_healthy_before_the_migration(
    image: Image, secret_files: Path, database_e011: str, spawn_program: Spawn
) -> None:
    box = api_container(image, secret_files, database_e011)

    done = await api_health(box, spawn_program)

    assert done.returncode == 1
    assert "503" in done.stderr


def api_container(image: Image, secret_files: Path, database_url: str) -> Container:
    """On a free port of this machine's own, where the container has its own address."""
    own = {"BACKFILL_HTTP_HOST": "127.0.0.1", "BACKFILL_HTTP_PORT": "0"}
    return container(image, "api", secret_files, database_url, **own)


async def api_health(box: Container, spawn_program: Spawn) -> subprocess.CompletedProcess[str]:
    """What the health check says of a service that runs, and then ends as it is told to."""
    api = spawn_program(*box.arguments(*command_of("api")), env=box.env)
    await wait_until(lambda: "listening on " in api.log or api.exit_code is not None, 30)
    port = urlsplit(api.log.partition("listening on ")[2].split()[0]).port
    done = box.run(*[word.replace(":8080/", f":{port}/") for word in healthcheck_of("api")])
    api.kill(signal.SIGTERM)
    assert api.wait() == 0, api.log
    return done


def test_the_api_opens_to_others_only_with_the_tokens_that_make_secrets_made(
    image: Image, secret_files: Path, database: str
) -> None:
    _overwrite(secret_files / "api_tokens", "# none")

    done = container(image, "api", secret_files, database).run(*command_of("api"))

    assert done.returncode == 2
    assert "does not listen on 0.0.0.0" in done.stderr


@pytest.mark.skipif(find_psql() is None, reason="the health check of PostgreSQL calls psql, and there is none")
@pytest.mark.parametrize(("password", "exit_code"), [("right", 0), ("wrong", 1)])
def test_postgres_is_healthy_when_it_answers_to_who_may_write(
    password: str, exit_code: int, secret_files: Path, database: str
) -> None:
    url = urlsplit(database)
    secret = url.password or ""
    _overwrite(secret_files / "postgres_password", secret if password == "right" else "hunter2")
    role, name = shlex.quote(url.username or ""), shlex.quote(url.path.strip("/"))
    words = [
        _in_folder(word, secret_files)
        .replace("--username codebegen --dbname codebegen", f"--username {role} --dbname {name}")
        .replace("psql ", f"{shlex.quote(str(find_psql()))} ")
        for word in healthcheck_of("postgres")
    ]

    done = run_command(*words, env=environment_for() | {"PGPORT": str(url.port or 5432)})

    assert done.returncode == exit_code, done.stderr


@dataclass(frozen=True, slots=True)
class Valkey:
    socket: Path
    secret_files: Path

    def client(self, password: str) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), password=password, decode_responses=True)

    def secret(self, name: str) -> str:
        return (self.secret_files / name).read_text(encoding="utf-8").strip()


@pytest.fixture
async def valkey(secret_files: Path, spawn_program: Spawn, tmp_path: Path) -> AsyncIterator[Valkey]:
    """The compose file's own command, on a socket: its path must be short."""
    try:
        program = str(find_wheels().valkey_server)
    except EmbeddedUnavailable:
        pytest.skip("the command of Valkey needs a valkey-server, and there is none")
    with tempfile.TemporaryDirectory() as folder:
        options = [_in_folder(word, secret_files) for word in command_of("valkey")[1:]]
        socket = Path(folder) / "valkey.sock"
        placed = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
        server = spawn_program(program, *options, *placed, env=environment_for())
        await wait_until(lambda: socket.exists() or server.exit_code is not None)
        assert server.exit_code is None, server.log
        yield Valkey(socket, secret_files)


def test_valkey_knows_the_password_of_the_secrets_and_keeps_what_it_is_given(valkey: Valkey) -> None:
    with closing(valkey.client(valkey.secret("redis_password"))) as client:
        assert client.set("key", "value")
        facts = cast("dict[str, Any]", client.info())
    assert (facts["aof_enabled"], facts["maxmemory_policy"]) == (1, "noeviction")
    with closing(valkey.client("hunter2")) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("key")


def command_line_client() -> str | None:
    return shutil.which("valkey-cli") or shutil.which("redis-cli")


@pytest.mark.skipif(command_line_client() is None, reason="no valkey-cli, which the health check of Valkey calls")
def test_valkey_is_healthy_when_it_takes_a_write(valkey: Valkey) -> None:
    program = f"{command_line_client()} -s {shlex.quote(str(valkey.socket))}"
    words = [_in_folder(word, valkey.secret_files).replace("valkey-cli", program) for word in healthcheck_of("valkey")]

    healthy = run_command(*words, env=environment_for())
    with closing(valkey.client(valkey.secret("redis_password"))) as client:
        client.config_set("maxmemory", "1")  # full
        full = run_command(*words, env=environment_for())

    assert healthy.returncode == 0, healthy.stderr
    assert full.returncode == 1
