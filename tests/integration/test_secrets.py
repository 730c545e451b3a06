"""A canary in every setting, and everything that the program says of itself: no line, answer or process shows one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from tests.conftest import Spawn
from tests.support.canaries import Canaries, change_passwords, postgres_entered_with, redis_entered_with
from tests.support.cli import BACKFILL, NAME, NOBODY_LISTENS, WORKER
from tests.support.commands import Spawned
from tests.support.old_rows import OldRows
from tests.support.runs import until_ready
from tests.support.waiting import wait_until

HTML = {"Accept": "text/html"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Two servers with a canary for a password, and tokens that are canaries."""

    env: dict[str, str]
    operator: str
    reader: str

    @property
    def secrets_in_queries(self) -> dict[str, str]:
        """The password of Redis where it may stand as well."""
        parts = urlsplit(self.env["REDIS_URL"])
        query = f"username={parts.username}&password={parts.password}"
        return self.env | {"REDIS_URL": f"redis://{parts.hostname}:{parts.port}{parts.path}?{query}"}

    @property
    def with_servers_down(self) -> dict[str, str]:
        urls = {name: urlsplit(self.env[name]) for name in ("DATABASE_URL", "REDIS_URL")}
        return self.env | {
            name: url._replace(netloc=f"{url.username}:{url.password}@{NOBODY_LISTENS}").geturl()
            for name, url in urls.items()
        }


@pytest.fixture(params=["json", "console"])
async def entered(
    request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path, canaries: Canaries
) -> AsyncIterator[Entered]:
    operator, operator_hash = canaries.new_token("BACKFILL_TOKENS")
    reader, reader_hash = canaries.new_token("BACKFILL_TOKENS_FILE")
    tokens_file = tmp_path / "tokens"
    tokens_file.write_text(f"grafana:read:{reader_hash}  # {canaries.new('a comment')}\n", encoding="utf-8")
    async with (
        postgres_entered_with(environment["DATABASE_URL"], canaries.new("DATABASE_URL")) as database_url,
        redis_entered_with(environment["REDIS_URL"], canaries.new("REDIS_URL")) as redis_url,
    ):
        env = environment | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "BACKFILL_WEBHOOK_URL": f"http://{NOBODY_LISTENS}/{canaries.new('BACKFILL_WEBHOOK_URL')}",
            "BACKFILL_WEBHOOK_SECRET": canaries.new("BACKFILL_WEBHOOK_SECRET"),
            "BACKFILL_TOKENS": f"deploys:operate:{operator_hash}",
            "BACKFILL_TOKENS_FILE": str(tokens_file),
            "BACKFILL_LOG_LEVEL": "DEBUG",
            "BACKFILL_LOG_FORMAT": request.param,
        }
        yield Entered(env=env, operator=operator, reader=reader)


@pytest.fixture
async def projects(rows: OldRows) -> OldRows:
    for number in range(10):
        await rows.add_project(f"p{number}", minute=number)
        await rows.add_many(f"p{number}", 3)
    return rows


class Caller:
    """Speaks to the service and takes down every answer, its headers included."""

    def __init__(self, client: httpx.AsyncClient, canaries: Canaries) -> None:
        self._client = client
        self._canaries = canaries

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        response = await self._client.request(method, path, **options)
        cookie = response.headers.pop("Set-Cookie", "")  # the one place that a token is sent to
        self._canaries.hear(f"{method} {path}", f"{response.headers.raw} {response.text}")
        assert not cookie or path in ("/login", "/logout")
        return response

    async def statuses(self, method: str, *paths: str, **options: Any) -> list[int]:
        return [(await self.ask(method, path, **options)).status_code for path in paths]


async def address_of(serving: Spawned) -> str:
    return await wait_until(lambda: "".join(re.findall(r"listening on (http://[\d.:]+)", serving.log)))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_service_at_work_shows_none(
    projects: OldRows, environment: dict[str, str], entered: Entered, canaries: Canaries, spawn_program: Spawn
) -> None:
    worker = canaries.watch("worker", spawn_program(*WORKER, env=entered.env))
    serving = canaries.watch("serve", spawn_program(*BACKFILL, "serve", "--port", "0", env=entered.env))
    await until_ready(worker)
    async with httpx.AsyncClient(base_url=await address_of(serving), timeout=20) as client:
        caller = Caller(client, canaries)

        run_path = await start_a_run(caller, entered)
        await look_around(caller, entered, run_path)
        await ask_wrongly(caller, entered, canaries, run_path)
        await break_a_run(caller, entered, environment["REDIS_URL"], run_path)
        words: list[tuple[str, ...]] = [("doctor",), ("status", "--all"), ("events", "--json"), ("verify",)]
        commands = [(one, entered.secrets_in_queries) for one in words]
        done = run_all(canaries, spawn_program, *commands, (("doctor",), entered.with_servers_down))
        urls = (environment["DATABASE_URL"], environment["REDIS_URL"])
        await change_passwords(*urls, of_postgres=entered.env["DATABASE_URL"], of_redis=entered.env["REDIS_URL"])
        shut_out = await caller.statuses("GET", "/readyz", "/v1/runs", run_path, "/", headers=bearer(entered.operator))
        done += run_all(canaries, spawn_program, (("doctor",), entered.env))

    assert done == [0, 0, 0, 0, 7, 7]
    assert "notification not taken" in worker.log
    assert shut_out == [503] * 4
    assert {"deploys", "grafana"} <= set(re.findall(r"http:(\w+)", serving.log))


def run_all(
    canaries: Canaries, spawn_program: Spawn, *commands: tuple[tuple[str, ...], Mapping[str, str]]
) -> list[int]:
    """Their exit codes; all at the same time."""
    processes = [canaries.watch(" ".join(words), spawn_program(*BACKFILL, *words, env=env)) for words, env in commands]
    return [process.wait() for process in processes]


async def start_a_run(caller: Caller, entered: Entered) -> str:
    """To its end, with a canary for a token."""
    headers = bearer(entered.operator)
    started = await caller.ask("POST", f"/v1/backfills/{NAME}/runs", headers=headers)
    assert started.status_code == 202, started.text
    path = started.headers["Location"]

    async def at_its_end() -> bool:
        return bool((await caller.ask("GET", path, headers=headers)).json()["done"])

    await wait_until(at_its_end, deadline_seconds=30)
    return str(path)


async def look_around(caller: Caller, entered: Entered, run_path: str) -> None:
    paths = ["/livez", "/readyz", "/metrics", "/openapi.json", "/v1/runs", f"{run_path}/events", "/login"]
    pages = ["/", run_path.removeprefix("/v1"), "/problems/unauthenticated", "/login"]
    signing_in = await caller.ask("POST", "/login", data={"token": entered.operator})

    assert signing_in.status_code == 303
    assert await caller.statuses("GET", *paths, headers=bearer(entered.reader)) == [200] * len(paths)
    cookie = {"Cookie": f"backfill_token={entered.operator}"}
    assert await caller.statuses("GET", *pages, headers=HTML | cookie) == [200] * len(pages)
    assert await caller.statuses("POST", "/logout", headers=cookie) == [303]


async def ask_wrongly(caller: Caller, entered: Entered, canaries: Canaries, run_path: str) -> None:
    headers, start = bearer(entered.operator), f"/v1/backfills/{NAME}/runs"
    wrong = canaries.new("a wrong token")

    assert await caller.statuses("GET", run_path, headers=bearer(wrong)) == [401]
    assert await caller.statuses("GET", run_path, headers={"Authorization": f"Basic {wrong}"}) == [401]
    assert await caller.statuses("GET", run_path, headers={"Cookie": f"backfill_token={wrong}"}) == [401]
    assert await caller.statuses("POST", "/login", data={"token": wrong}) == [401]
    assert await caller.statuses("POST", f"{run_path}/pause", headers=bearer(entered.reader)) == [403]
    assert await caller.statuses("GET", f"/v1/nothing?token={entered.operator}", headers=headers) == [404]
    assert await caller.statuses("GET", "/v1/runs/unknown", headers=headers) == [404]
    assert await caller.statuses("DELETE", run_path, headers=headers) == [405]
    assert await caller.statuses("POST", f"{run_path}/pause", headers=headers) == [409]
    assert await caller.statuses("POST", start, headers=headers, json={"parallel": entered.operator}) == [422]
    assert await caller.statuses("GET", f"/v1/runs?page_token={entered.operator}", headers=headers) == [400]
    assert await caller.statuses("POST", start, headers=headers, content=entered.operator * 10_000) == [413]


async def break_a_run(caller: Caller, entered: Entered, redis_url: str, run_path: str) -> None:
    """Somebody has written what cannot be read into Redis: a mistake of ours, with its traceback in the log."""
    run_id = run_path.rpartition("/")[2]
    with redis.Redis.from_url(redis_url) as client:
        pace = client.hget(f"backfill:run:{run_id}", "pace")
        client.hset(f"backfill:run:{run_id}", "pace", "{")
        assert await caller.statuses("GET", run_path, headers=bearer(entered.operator)) == [500]
        client.hset(f"backfill:run:{run_id}", "pace", pace)
