"""One board for each server in a real Redis: who shares a budget, whose word counts for whom, what is said to whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from redis.asyncio import Redis

from backfill.engine.protocols import Advance, Claim, Task, Totals
from backfill.runs.directive import FRESH_MS, Directive, Stopped, SwitchedOff
from backfill.runs.pace import AUTOPILOT
from backfill.runs.readings import Reading
from backfill.runs.terms import Terms
from backfill.store.board import Boards, RedisBoard
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from backfill.store.servers import FORGOTTEN_MS, RedisServers
from tests.support.store_model import PLAN, forget, pace_of

PREFIX = "boards-test"
PACE = replace(pace_of(4), mode=AUTOPILOT)
# By backfill, the database that it is on.
NAMES = {"here": "", "there": "billing", "away": "archive"}
STOP = Stopped(reading=Reading(signal="check-canary", value=1.0, limit=0.0), since_ms=1)


@dataclass(slots=True)
class Place:
    redis: Redis
    now_ms: int = 1_800_000_000_000
    store: RedisStore = field(init=False)
    servers: RedisServers = field(init=False)

    def __post_init__(self) -> None:
        self.store = RedisStore(self.redis, prefix=PREFIX, lease_seconds=30, clock=lambda: self.now_ms)
        self.servers = RedisServers(self.redis, prefix=PREFIX)

    def board(self, database: str = "", *, sees: tuple[str, ...] = ("", "archive", "billing")) -> RedisBoard:
        return RedisBoard(self.redis, prefix=PREFIX, clock=lambda: self.now_ms, database=database, sees=sees)

    async def on_servers(self, servers: Mapping[str, str]) -> None:
        await self.servers.note(servers, servers.keys())

    async def run(self, backfill: str) -> str:
        """Planned already, by a worker that was let go before."""
        terms = Terms(database=NAMES[backfill])
        created = await self.store.create(
            backfill, replace(PACE, mode="fixed"), requested_by="test", idempotency_key=None, terms=terms
        )
        plan = await self.store.claim(created.run_id, token="planner")
        assert plan is not None
        assert plan.task is Task.PLAN
        assert await self.store.save_plan(plan, PLAN)
        await self.store.release(plan)
        await self.store.set_pace(created.run_id, PACE, who="test")
        return created.run_id

    async def say(self, database: str, directive: Directive) -> tuple[str, ...]:
        """As the monitor of its server; of which runs."""
        board = self.board(database)
        role = await board.take_role("monitor", [*NAMES])
        assert role is not None
        told = replace(directive, runs=len(role.lanes))
        assert (await board.publish("monitor", told, list(role.lanes)))[0]
        return tuple(sorted(role.lanes))

    async def claims(self, run_id: str) -> list[Claim]:
        """As many as are to be had at once."""
        found: list[Claim] = []
        while (claim := await self.store.claim(run_id, token=f"w{len(found)}")) is not None:
            found.append(claim)
        return found

    async def lanes(self, claims: list[Claim]) -> float:
        """Of all of them together: each lane by the share of its time that it may work."""
        verdicts = [await self.store.checkpoint(claim, 1, Advance(), Totals()) for claim in claims]
        return sum(verdict.duty for verdict in verdicts)


@pytest.fixture
async def place(redis_url: str) -> AsyncIterator[Place]:
    redis = open_redis(redis_url, timeout_seconds=5.0)
    yield Place(redis=redis)
    await forget(redis, PREFIX)


@pytest.mark.parametrize("effort", [0.5, 1.5, 2.0, 5.0])
async def test_runs_on_two_databases_of_one_cluster_have_the_lanes_of_one_server_together(
    place: Place, effort: float
) -> None:
    await place.on_servers({"": "701", "billing": "701"})
    here, there = await place.run("here"), await place.run("there")
    told_of = await place.say("billing", Directive(effort=effort, runs=0))
    claims = [await place.claims(run_id) for run_id in (here, there)]

    lanes = [await place.lanes(held) for held in claims]

    assert told_of == tuple(sorted((here, there)))
    assert sum(lanes) <= effort + 0.001
    assert lanes == [pytest.approx(effort / 2, abs=0.001)] * 2
    assert await place.board("").take_role("monitor-2", [*NAMES]) is None


async def test_runs_on_two_clusters_have_a_budget_each_and_a_stop_of_one_holds_the_other_up_in_nothing(
    place: Place,
) -> None:
    await place.on_servers({"": "701", "billing": "802"})
    here, there = await place.run("here"), await place.run("there")
    told_of = (
        await place.say("", Directive(effort=1.0, runs=0, stops=[STOP])),
        await place.say("billing", Directive(effort=2.0, runs=0)),
    )

    held = await place.claims(here), await place.claims(there)

    assert told_of == ((here,), (there,))
    assert [len(one) for one in held] == [0, 2]
    assert await place.lanes(held[1]) == 2.0
    throttled = [run.throttled_by if run else "" for run in (await place.store.get(here), await place.store.get(there))]
    assert throttled == ["check-canary", None]


async def test_nobody_works_on_a_server_while_nobody_looks_at_it_or_knows_which_one_it_is(place: Place) -> None:
    here, there = await place.run("here"), await place.run("there")
    await place.say("", Directive(effort=4.0, runs=0))
    unplaced = await place.claims(there), await place.store.vacancies(there)
    run = await place.store.get(there)
    await place.on_servers({"": "701", "billing": "802"})
    unseen = await place.claims(there)
    await place.say("billing", Directive(effort=4.0, runs=0))
    place.now_ms += FRESH_MS + 1
    await place.say("", Directive(effort=4.0, runs=0))

    assert unplaced == ([], 0)
    assert run is not None
    assert run.throttled_by == "the autopilot: no worker has reached the database billing yet"
    assert unseen == []
    assert await place.claims(there) == []
    assert len(await place.claims(here)) > 0


async def test_a_run_that_comes_beside_another_waits_until_the_share_is_one_of_its_own(place: Place) -> None:
    await place.on_servers({"": "701", "billing": "701"})
    await place.run("here")
    await place.say("", Directive(effort=1.0, runs=0))
    there = await place.run("there")
    early = await place.claims(there)
    board = place.board()
    role = await board.take_role("monitor", [*NAMES])
    assert role is not None
    held_and_opened = await board.publish("monitor", Directive(effort=1.0, runs=2), list(role.lanes))

    assert early == []
    assert held_and_opened == (True, True)
    assert len(await place.claims(there)) == 1


async def test_the_word_of_a_monitor_that_knows_of_one_database_counts_for_that_one(place: Place) -> None:
    """A worker of a release before, which still has the role: it says of no run that it speaks of it."""
    await place.on_servers({"": "701", "billing": "701"})
    here, there = await place.run("here"), await place.run("there")
    await place.say("", Directive(effort=4.0, runs=0))
    place.now_ms += 500
    await place.redis.hset(f"{PREFIX}:autopilot", "at_ms", str(place.now_ms))  # type: ignore[misc]

    assert await place.claims(there) == []
    assert len(await place.claims(here)) > 0
    address = await place.store.address_of(there)
    assert address == "there@1@apart"


async def test_who_cannot_look_at_a_database_leaves_its_server_to_another(place: Place) -> None:
    await place.on_servers({"": "701", "billing": "701"})
    await place.run("here")
    narrow = place.board(sees=("",))
    before = await narrow.take_role("narrow", [*NAMES])
    await place.run("there")
    after = await narrow.take_role("narrow", [*NAMES])
    wide = await place.board("billing").take_role("wide", [*NAMES])

    assert (before is not None, after) == (True, None)
    assert wide is not None
    assert (wide.databases, wide.here) == (("", "billing"), ("", "billing"))


async def test_keys_of_an_installation_with_one_database_stay_and_tell_no_address(place: Place) -> None:
    await place.on_servers({"billing": "db2:5432"})
    await place.run("here"), await place.run("there")
    await place.say("", Directive(effort=1.0, runs=0))
    await place.say("billing", Directive(effort=1.0, runs=0))
    apart = {key async for key in place.redis.scan_iter(f"{PREFIX}:autopilot*")}
    await place.on_servers({"": "802", "billing": "802"})
    together = await place.say("billing", Directive(effort=2.0, runs=0))

    boards = [f"{PREFIX}:autopilot", f"{PREFIX}:autopilot@db2:5432"]
    assert apart == {*boards, *(f"{board}:history" for board in boards)}
    assert len(together) == 2
    assert (await place.board("").read()).document["effort"] == 2.0


async def test_what_an_operator_says_holds_everywhere_or_on_one_server(place: Place) -> None:
    await place.on_servers({"": "701", "billing": "802", "archive": "802"})
    for name in NAMES:
        await place.run(name)
    here, there = place.board(), place.board("billing")
    off_now = partial(SwitchedOff, by="me", note="known", until_ms=0)
    await here.set_limit("slot_bytes", 1.0)
    await there.set_limit("slot_bytes", 2.0, here=True)
    await here.switch_off(off_now(signal="wal"), here=True)
    await there.switch_off(off_now(signal="slots"))
    told = [await board.take_role("monitor", [*NAMES]) for board in (here, there)]
    shown = [await board.read() for board in (here, place.board("archive"))]
    await there.switch_on("wal")
    await there.set_limit("slot_bytes", None)

    for roles_and_shown in (told, shown):
        assert [dict(one.limits) if one else {} for one in roles_and_shown] == [{"slot_bytes": 1}, {"slot_bytes": 2}]
        off = [[switch.signal for switch in one.off] if one else [] for one in roles_and_shown]
        assert off == [["slots", "wal"], ["slots"]]
    assert [(await board.read()).limits for board in (here, there)] == [{}, {}]
    assert [switch.signal for switch in (await here.read()).off] == ["slots"]


async def test_servers_are_listed_by_the_names_of_their_databases_and_what_is_gone_is_forgotten(place: Place) -> None:
    alone = await Boards(place.redis, prefix=PREFIX).servers()
    await place.servers.note({"": "701", "archive": "701", "billing": "802"}, ("", "archive", "billing", "silent"))
    known = await place.servers.groups()
    await place.servers.note({"": "701"}, ("", "billing"))
    old = {"archive": "701 1000", "billing": f"802 {place.now_ms - FORGOTTEN_MS}"}
    await place.redis.hset(f"{PREFIX}:servers", mapping=old)  # type: ignore[misc]
    await place.servers.note({"": "701"}, ("", "billing"))

    assert alone == (("",),)
    assert known == (("", "archive"), ("billing",), ("silent",))
    assert await place.servers.groups() == (("",), ("billing",), ("silent",))
    assert json.dumps(await place.servers.known()) == json.dumps({"": "701", "billing": "802"})
