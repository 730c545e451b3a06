"""The signed webhook: real workers tell a receiver that is down, refuses, then takes; verified as the docs say."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis

from backfill.engine.notifying import Notifying, NotTaken
from backfill.engine.protocols import Advance, Totals
from backfill.engine.serving import Serving
from backfill.runs.ranges import Quarantined
from backfill.runs.states import Action
from backfill.runs.telling import sentence_of
from backfill.settings import Settings
from backfill.store.client import open_redis
from backfill.store.limits import StoreLimits
from backfill.store.outbox import HOOKS, WEBHOOK, RedisOutbox
from backfill.store.redis_store import RedisStore
from backfill.webhook import Receiver, signature
from tests.conftest import Spawn
from tests.support.commands import REPOSITORY, Spawned
from tests.support.forked import backfill
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, enqueue, until_ready, wait_for_end
from tests.support.store_model import BACKFILL, claim_first_range, forget, key_of, pace_of, unit_of
from tests.support.waiting import wait_until

PREFIX = "webhook-test"
SECRET = "canary-of-the-webhook-4f9d"
DAY_MS = 86_400_000

IsGenuine = Callable[[dict[str, str], bytes, str], bool]


def as_documented() -> IsGenuine:
    """The function that docs/people.md gives to receivers."""
    page = (REPOSITORY / "docs" / "people.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - to see that it is right is the point
    return cast("IsGenuine", namespace["is_genuine"])


class Told:
    """What a receiver was sent."""

    def __init__(self, file: Path, port: int) -> None:
        self.file = file
        self.port = port

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(line["body"]) for line in self.lines if line["status"] == 204]

    @property
    def events(self) -> list[str]:
        return [document["event"] for document in self.taken]


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        found: int = one.getsockname()[1]
        return found


@pytest.fixture
def told(tmp_path: Path, port: int) -> Told:
    return Told(tmp_path / "told.jsonl", port)


def receiving(spawn_program: Spawn, told: Told, env: dict[str, str]) -> Spawned:
    """Refuses two, then takes everything."""
    return spawn_program(sys.executable, "-m", "tests.support.receiver", str(told.file), str(told.port), "2", env=env)


async def test_a_receiver_that_was_down_and_refused_gets_everything_signed_and_in_order(
    rows: OldRows, environment: dict[str, str], spawn: Spawn, spawn_program: Spawn, told: Told
) -> None:
    await rows.add_project("p", minute=0)
    await rows.add_many("p", 30)
    env = environment | {
        "BACKFILL_WEBHOOK_URL": f"http://127.0.0.1:{told.port}/hooks/{SECRET}",
        "BACKFILL_WEBHOOK_SECRET": SECRET,
        "BACKFILL_LOG_LEVEL": "DEBUG",
    }
    run = enqueue(env, "--needs-approval")
    worker = spawn(*WORKER, env=env)
    await until_ready(worker)
    backfill("approve", env=env | {"LOGNAME": "another"})
    await asyncio.to_thread(wait_for_end, env, run["id"])
    await wait_until(lambda: "notification not taken" in worker.log, 30)

    receiving(spawn_program, told, environment)
    await wait_until(lambda: told.events[-1:] == ["run.succeeded"], 60)

    assert told.events == ["run.proposed", "run.approved", "run.started", "run.succeeded"]
    assert [line["status"] for line in told.lines][:3] == [302, 302, 204]
    assert {line["path"] for line in told.lines} == {f"/hooks/{SECRET}"}, "it has followed a redirect"
    genuine = as_documented()
    for line in told.lines:
        body = line["body"].encode()
        assert genuine(line["headers"], body, SECRET)
        assert not genuine(line["headers"], body + b" ", SECRET)
        assert not genuine(line["headers"], body, "another secret")
        assert not genuine({**line["headers"], "Backfill-Timestamp": "1500000000"}, body, SECRET)
        assert line["headers"]["Backfill-Delivery"] == json.loads(body)["id"]
    proposed, approved, _, succeeded = told.taken
    assert proposed["sentence"].endswith("It waits for the approval of somebody else.")
    assert approved["by"].startswith("cli:another@")
    assert (succeeded["run"]["id"], succeeded["run"]["state"]) == (run["id"], "succeeded")
    said = backfill("events", env=env).stdout
    assert "The webhook has not taken run.proposed. The receiver cannot be reached: Connection refused." in said
    shown = backfill("doctor", env=env)
    command = (await asyncio.to_thread(Path(f"/proc/{worker.pid}/cmdline").read_bytes)).decode()
    assert SECRET not in worker.log + said + shown.stdout + shown.stderr + command


class Here:
    """A store with a clock, and a sender that the test answers for."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.now_ms = 1_800_000_000_000
        self.limits = StoreLimits(throttled_seconds=60, readers=(HOOKS, WEBHOOK))
        self.store = RedisStore(
            redis, prefix=PREFIX, lease_seconds=3_600, limits=self.limits, clock=lambda: self.now_ms
        )
        self.sent: list[dict[str, Any]] = []
        self.refuse = 0
        self.stopping = asyncio.Event()

    async def send(self, delivery: str, body: bytes) -> None:
        if self.refuse:
            self.refuse -= 1
            raise NotTaken("the receiver answered with status 503")
        self.sent.append(json.loads(body))

    def notifying(self, reader: str = "w") -> Notifying:
        return Notifying(
            outbox=RedisOutbox(self.redis, prefix=PREFIX, reader=reader, group=WEBHOOK, again_seconds=0.05),
            store=self.store,
            serving=Serving([BACKFILL]),
            backfills=[BACKFILL],
            send=self.send,
            stopping=self.stopping,
            first_wait_seconds=0.01,
        )

    async def drain(self) -> list[tuple[str, str]]:
        """Event and sentence of what is told by then."""
        while await self.notifying().turn(BACKFILL):
            pass
        return [(one["event"], one["sentence"]) for one in self.sent]


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Here]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    yield Here(redis)
    await forget(redis, PREFIX)


def quarantined(position: int) -> Quarantined:
    return Quarantined(
        unit_id=unit_of(0, position), range_index=0, sqlstate="23514", constraint="c", error="no", at_ms=0
    )


async def test_quarantine_is_told_at_the_first_and_then_at_ten_times_as_many(here: Here) -> None:
    claim = await claim_first_range(here.store)
    for step in range(1, 4):
        advance = Advance(cursor=key_of(unit_of(0, step)), quarantined=(quarantined(step),))
        await here.store.checkpoint(claim, step, advance, Totals())

    told = await here.drain()

    assert [one for one in told if "quarantined" in one[0]] == [
        ("run.quarantined", "Quarantined so far: 1 of its units")
    ]
    assert here.sent[-1]["run"]["quarantined"] == 3


async def test_being_held_up_is_told_once_when_it_has_lasted(here: Here) -> None:
    claim = await claim_first_range(here.store)
    await here.store.strike(claim, "the disk is full", pause_after=0)
    await here.store.vacancies(claim.run_id)
    short = await here.drain()
    for seconds in (61, 10):
        here.now_ms += seconds * 1_000
        await here.store.strike(claim, "the disk is full", pause_after=0)
        await here.store.vacancies(claim.run_id)
    long = await here.drain()
    run = await here.store.get(claim.run_id)

    assert [event for event, _ in short] == ["run.started"]
    assert long[1:] == [("run.throttled", "Held up for long: the disk is full")]
    assert run is not None
    assert run.throttled_since_ms == here.now_ms - 71_000


async def test_what_was_not_taken_is_tried_again_told_once_and_left_to_another_when_the_worker_stops(
    here: Here,
) -> None:
    made = await here.store.create(BACKFILL, pace_of(1), requested_by="ann", idempotency_key=None)
    await here.store.act(made.run_id, Action.PAUSE, who="ann", note="CHG-1")
    here.refuse = 3
    retried = await here.drain()
    await here.store.act(made.run_id, Action.CANCEL, who="ann")
    here.refuse = 1_000
    here.stopping.set()
    await here.notifying("first").turn(BACKFILL)
    here.refuse = 0
    here.stopping.clear()
    await wait_until(lambda: _all_taken(here), 20)

    assert retried == [
        ("run.paused", "Paused, asked for by ann. Nothing is in flight, so it rests at once. Note: CHG-1.")
    ]
    assert [one["event"] for one in here.sent] == ["run.paused", "run.cancelled"]
    events = [sentence_of(event.kind, event.about) for event in await here.store.events(made.run_id)]
    assert [event for event in events if "webhook" in event] == [
        "The webhook has not taken run.paused. The receiver answered with status 503. It is sent until it is taken."
    ]


async def _all_taken(here: Here) -> bool:
    await here.drain()
    return [one["event"] for one in here.sent][-1:] == ["run.cancelled"]


async def test_what_is_a_week_old_is_given_up(here: Here) -> None:
    made = await here.store.create(BACKFILL, pace_of(1), requested_by="ann", idempotency_key=None)
    await here.store.act(made.run_id, Action.PAUSE, who="ann")
    here.now_ms += 8 * DAY_MS
    here.refuse = 1

    assert await here.drain() == []
    told = [sentence_of(event.kind, event.about) for event in await here.store.events(made.run_id)]
    assert told[-1].endswith("It is not sent again.")


def test_the_signature_is_the_hmac_of_timestamp_and_body() -> None:
    # echo -n '1773480413.{"a": 1}' | openssl dgst -sha256 -hmac key
    digest = "2d89c1da7e2f3ad7536f9139830365b75db0d78e3d19016939765490f883b653"

    assert signature("key", "1773480413", b'{"a": 1}') == f"v1={digest}"


async def test_a_receiver_shows_neither_its_address_nor_its_secret(port: int) -> None:
    receiver = Receiver(url=f"http://127.0.0.1:{port}/{SECRET}", secret=SECRET, seconds=1)

    with pytest.raises(NotTaken) as refused:
        await receiver.send("b:1-0", b"{}")

    assert str(refused.value) == "the receiver cannot be reached: Connection refused"
    assert SECRET not in repr(receiver) + repr(refused.value)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "ftp://host/x", "secret": SECRET}, "http:// or https://"),
        ({"url": "https://", "secret": SECRET}, "http:// or https://"),
        ({"url": "https://host:99999/", "secret": SECRET}, "http:// or https://"),
        ({"url": f"https://user:{SECRET}@host/", "secret": SECRET}, "neither a user nor a password"),
        ({"url": "https://host/a b", "secret": SECRET}, "http:// or https://"),
        ({"url": "https://host/x", "secret": "short"}, "at least 16 characters"),
        ({"url": "https://host/x"}, "it needs BACKFILL_WEBHOOK_SECRET"),
        ({"secret": SECRET}, "BACKFILL_WEBHOOK_URL: it needs"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_without_a_secret(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**{f"webhook_{name}": value for name, value in given.items()})  # type: ignore[arg-type]

    assert why in str(refused.value)
    assert SECRET not in str(refused.value)
