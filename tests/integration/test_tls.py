"""TLS to PostgreSQL and Redis: who is not the one meant is refused in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from backfill.runs.errors import SettingsError
from backfill.sql.database import open_engine
from backfill.store.client import open_redis
from tests.conftest import Spawn
from tests.support.certificates import Authority, Certificate, make_authority, openssl_is_here
from tests.support.cli import NAME, WORKER, Done, refusal
from tests.support.commands import environment_for, run_command
from tests.support.forked import backfill
from tests.support.runs import until_ready
from tests.support.started_servers import quarters
from tests.support.tls_proxy import tls_in_front_of
from tests.support.tls_servers import TlsPostgres, TlsRedis, find_postgres, find_redis

pytestmark = pytest.mark.skipif(
    not openssl_is_here(), reason="the openssl command, which makes certificates, is missing"
)

HERE = "IP:127.0.0.1,DNS:localhost"
ELSEWHERE = "DNS:elsewhere.example"
REFUSED = "shows a certificate that is refused: "


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"), "right")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Nobody has signed anything with it."""
    return make_authority(tmp_path_factory.mktemp("stranger"), "wrong")


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.sign("here", HERE)


@pytest.fixture(scope="module")
def certificate_of_another_host(authority: Authority) -> Certificate:
    return authority.sign("elsewhere", ELSEWHERE)


async def run(*arguments: str, env: Mapping[str, str]) -> Done:
    """The proxy works on the test's own loop, which must not be blocked."""
    return await asyncio.to_thread(run_command, *arguments, env=env)


# PostgreSQL


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_postgres_is_used_over_tls(
    database: str, redis_url: str, authority: Authority, certificate: Certificate, mode: str
) -> None:
    async with tls_in_front_of(database, certificate) as url:
        secured = f"{url}?sslmode={mode}&sslrootcert={authority.certificate}"

        done = await run("backfill", "verify", env=environment_for(database_url=secured, redis_url=redis_url))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("command", [("backfill", "verify"), ("alembic", "current"), WORKER], ids=" ".join)
async def test_postgres_that_another_authority_signed_is_refused(
    environment: dict[str, str], stranger: Authority, certificate: Certificate, mode: str, command: tuple[str, ...]
) -> None:
    async with tls_in_front_of(environment["DATABASE_URL"], certificate) as url:
        secured = f"{url}?sslmode={mode}&sslrootcert={stranger.certificate}"

        done = await run(*command, env=environment | {"DATABASE_URL": secured})

    assert f"{REFUSED}unable to get local issuer certificate. " in refusal(done, 7)


async def test_postgres_of_another_name_is_refused_by_verify_full_alone(
    database: str, redis_url: str, authority: Authority, certificate_of_another_host: Certificate
) -> None:
    async with tls_in_front_of(database, certificate_of_another_host) as url:
        done = {
            mode: await run(
                "backfill",
                "verify",
                env=environment_for(
                    database_url=f"{url}?sslmode={mode}&sslrootcert={authority.certificate}", redis_url=redis_url
                ),
            )
            for mode in ("verify-full", "verify-ca")
        }

    assert f"{REFUSED}IP address mismatch, certificate is not valid for '127.0.0.1'. " in refusal(
        done["verify-full"], 7
    )
    assert done["verify-ca"].returncode == 0, done["verify-ca"].stderr


@pytest.mark.parametrize("command", [("verify",), ("doctor",)], ids=" ".join)
async def test_verifying_without_saying_whom_to_trust_is_refused(
    environment: dict[str, str], certificate: Certificate, command: tuple[str, ...], tmp_path: Path
) -> None:
    async with tls_in_front_of(environment["DATABASE_URL"], certificate) as url:
        without_root = environment | {"DATABASE_URL": f"{url}?sslmode=verify-full", "HOME": str(tmp_path)}

        done = await run("backfill", *command, env=without_root)

    assert done.returncode == 7, done.stderr
    assert "cannot be verified: root certificate file" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


async def test_postgres_without_tls_is_refused_when_tls_is_asked_for(database: str, redis_url: str) -> None:
    env = environment_for(database_url=f"{database}?sslmode=require", redis_url=redis_url)

    assert "rejected SSL upgrade" in refusal(backfill("verify", env=env), 7)


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_a_file_of_the_database_url_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=rf"{name} names a file that cannot be read: .*missing\.pem"):
        open_engine(f"postgresql://me@host/app?{name}={tmp_path / 'missing.pem'}", application_name="test")


# Redis


async def test_redis_is_used_over_tls_by_command_and_worker(
    database: str, redis_url: str, authority: Authority, certificate: Certificate, spawn: Spawn
) -> None:
    async with tls_in_front_of(redis_url, certificate) as url:
        env = environment_for(database_url=database, redis_url=f"{url}?ssl_ca_certs={authority.certificate}")

        worker = spawn(*WORKER, env=env)
        await until_ready(worker)
        enqueued = await run("backfill", "enqueue", NAME, env=env)
        waited = await run("backfill", "wait", env=env)

    assert enqueued.returncode == 0, enqueued.stderr
    assert waited.returncode == 0, waited.stderr


@pytest.mark.parametrize("command", [("backfill", "status"), WORKER], ids=" ".join)
@pytest.mark.parametrize("trusted", ["another authority", "the system's authorities"])
async def test_redis_that_nobody_trusted_signed_is_refused(
    environment: dict[str, str], stranger: Authority, certificate: Certificate, command: tuple[str, ...], trusted: str
) -> None:
    query = f"?ssl_ca_certs={stranger.certificate}" if trusted == "another authority" else ""
    async with tls_in_front_of(environment["REDIS_URL"], certificate) as url:
        done = await run(*command, env=environment | {"REDIS_URL": url + query})

    assert f"{REFUSED}unable to get local issuer certificate. " in refusal(done, 7)


@pytest.mark.parametrize("command", [("backfill", "status"), WORKER], ids=" ".join)
async def test_redis_of_another_name_is_refused(
    environment: dict[str, str],
    authority: Authority,
    certificate_of_another_host: Certificate,
    command: tuple[str, ...],
) -> None:
    async with tls_in_front_of(environment["REDIS_URL"], certificate_of_another_host) as url:
        secured = f"{url}?ssl_ca_certs={authority.certificate}"

        done = await run(*command, env=environment | {"REDIS_URL": secured})

    assert f"{REFUSED}IP address mismatch, certificate is not valid for '127.0.0.1'. " in refusal(done, 7)


async def test_redis_is_trusted_unseen_only_where_the_url_says_so(
    redis_url: str, certificate_of_another_host: Certificate
) -> None:
    async with tls_in_front_of(redis_url, certificate_of_another_host) as url:
        client = open_redis(f"{url}?ssl_cert_reqs=none", timeout_seconds=5)

        assert await client.get("nothing") is None

        await client.aclose(close_connection_pool=True)


@pytest.mark.parametrize("query", ["ssl_ca_certs=/not/there.pem", "ssl_cert_reqs=sometimes", "colour=red"])
def test_a_redis_url_that_cannot_work_is_a_wrong_setting(query: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as refused:
        _ = open_redis(f"rediss://:hunter2@host:6379/0?{query}", timeout_seconds=5)

    assert "hunter2" not in str(refused.value)


# Both, by servers that speak TLS themselves


@pytest.mark.skipif(find_postgres() is None, reason="no PostgreSQL server with TLS is installed")
@pytest.mark.skipif(find_redis() is None, reason="no Redis server with TLS is installed")
def test_a_run_on_servers_that_let_nobody_in_without_tls_succeeds(
    authority: Authority, certificate: Certificate, spawn: Spawn
) -> None:
    programs, redis_server = find_postgres(), find_redis()
    assert programs is not None
    assert redis_server is not None
    with (
        quarters() as place,
        place.running(TlsPostgres(quarters=place, programs=programs, certificate=certificate)) as postgres,
        place.running(TlsRedis(quarters=place, program_file=redis_server, certificate=certificate)) as redis,
    ):
        secured = f"{postgres.url}?sslmode=verify-full&sslrootcert={authority.certificate}"
        env = environment_for(database_url=secured, redis_url=f"{redis.url}?ssl_ca_certs={authority.certificate}")

        migrated = run_command("alembic", "upgrade", "head", env=env)
        unencrypted = backfill("verify", env=env | {"DATABASE_URL": f"{postgres.url}?sslmode=disable"})
        worker = spawn(*WORKER, env=env)
        enqueued = backfill("enqueue", NAME, env=env)
        waited = backfill("wait", env=env)
        worker.end()

    assert migrated.returncode == 0, migrated.stderr
    assert "no pg_hba.conf entry" in refusal(unencrypted, 7)
    assert enqueued.returncode == 0, enqueued.stderr
    assert waited.returncode == 0, waited.stderr
