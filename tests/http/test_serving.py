"""`backfill serve` as a process: what it listens on, how it ends, and a whole run through it."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.conftest import Spawn
from tests.support.cli import BACKFILL, NO_POSTGRES, NO_REDIS, WORKER
from tests.support.commands import Spawned, environment_for, run_command
from tests.support.waiting import wait_until

RUNS_OF_BACKFILL = "/v1/backfills/generation-versions/runs"


def without_servers() -> dict[str, str]:
    return environment_for(database_url=NO_POSTGRES, redis_url=NO_REDIS)


async def address_of(serving: Spawned) -> str:
    return await wait_until(lambda: "".join(re.findall(r"^listening on (http://\S+)$", serving.log, re.MULTILINE)))


async def test_a_run_is_started_and_followed_to_its_end(spawn_program: Spawn, environment: Mapping[str, str]) -> None:
    serving = spawn_program(*BACKFILL, "serve", "--port", "0", env=environment)
    spawn_program(*WORKER, env=environment)
    async with httpx.AsyncClient(base_url=await address_of(serving)) as client:
        run_address = (await client.post(RUNS_OF_BACKFILL)).headers["Location"]

        async def run_at_its_end() -> dict[str, Any]:
            found: dict[str, Any] = (await client.get(run_address)).json()
            return found if found["done"] else {}

        run: dict[str, Any] = await wait_until(run_at_its_end, deadline_seconds=30)

    assert (run["state"], run["error"], run["progress"]["fraction"]) == ("succeeded", None, 1.0)


async def test_it_starts_without_its_servers_and_says_so(spawn_program: Spawn) -> None:
    serving = spawn_program(*BACKFILL, "serve", "--port", "0", env=without_servers())
    async with httpx.AsyncClient(base_url=await address_of(serving), timeout=20) as client:
        statuses = [(await client.get(path)).status_code for path in ("/livez", "/readyz", "/v1/runs")]

    assert statuses == [200, 503, 503]
    assert "Traceback" not in serving.log
    assert "hunter2" not in serving.log


@pytest.mark.parametrize(
    ("signal_number", "exit_code"),
    [(signal.SIGTERM, 0), (signal.SIGINT, 130)],
    ids=["SIGTERM", "Ctrl-C"],
)
async def test_it_ends_when_it_is_told_to(spawn_program: Spawn, signal_number: signal.Signals, exit_code: int) -> None:
    serving = spawn_program(*BACKFILL, "serve", "--port", "0", env=without_servers())
    await address_of(serving)

    serving.kill(signal_number)

    assert serving.wait() == exit_code
    assert "Traceback" not in serving.log


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_command(*BACKFILL, "serve", "--port", str(port), env=without_servers())

    assert refused.returncode == 2
    assert (
        refused.stderr
        == f"error: Port {port} of 127.0.0.1 is in use. Choose another with --port; 0 takes a free one.\n"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - it must be refused
def test_it_listens_on_loopback_only(host: str) -> None:
    refused = run_command(*BACKFILL, "serve", "--host", host, "--port", "0", env=without_servers())

    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert "localhost" in refused.stderr
    assert "listening" not in refused.stderr


async def test_it_listens_on_the_other_loopback(spawn_program: Spawn) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")

    serving = spawn_program(*BACKFILL, "serve", "--host", "::1", "--port", "0", env=without_servers())
    async with httpx.AsyncClient(base_url=await address_of(serving)) as client:
        response = await client.get("/livez")

    assert response.status_code == 200
