"""What of a run goes back when another server is its database's primary: all that the new one may lack, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from redis.asyncio import Redis

from backfill.engine.protocols import Advance, Claim, Totals
from backfill.runs.ranges import PutAside
from backfill.runs.standing import Standing
from backfill.runs.states import Action, State
from backfill.store.client import open_redis
from backfill.store.marks import RedisMarks
from backfill.store.redis_store import RedisStore
from tests.support.store_model import claim_first_range, forget, unit_of

PREFIX = "marks-test"
STEP = Advance(cursor=("k",), units=1, rows=5, written=5)
KEPT = Standing(system="s", timeline=2, lsn=2_000, kept_lsn=150, up_since_ms=0)


@dataclass(slots=True, kw_only=True)
class Here:
    """A run by a clock of the test's own, on a primary whose log grows by 100 with each mark."""

    redis: Redis
    store: RedisStore
    marks: RedisMarks
    now: list[int]
    claim: Claim
    lsn: int = 0
    sequence: int = 0
    totals: Totals = field(default_factory=Totals)

    async def mark(self) -> None:
        self.now[0] += 1_000
        self.lsn += 100
        standing = Standing(system="s", timeline=1, lsn=self.lsn, kept_lsn=None, up_since_ms=0)
        assert await self.note(standing) is None

    async def note(self, standing: Standing) -> int | None:
        return await self.marks.note(self.claim.run_id, standing, at_ms=self.now[0])

    async def step(self, advance: Advance = STEP) -> bool:
        self.now[0] += 1_000
        self.sequence += 1
        self.totals = self.totals.plus(advance)
        return (await self.store.checkpoint(self.claim, self.sequence, advance, self.totals)).held

    async def take_next_range(self) -> None:
        await self.step(Advance(stage_done=True))
        await self.store.release(self.claim)
        claim = await self.store.claim(self.claim.run_id, token="next")
        assert claim is not None
        self.claim, self.sequence, self.totals = claim, claim.sequence, claim.totals

    async def rows_done(self) -> int:
        run = await self.store.get(self.claim.run_id)
        assert run is not None
        return run.counts.rows_done


@pytest.fixture
async def here(redis_url: str) -> AsyncIterator[Here]:
    redis, now = open_redis(redis_url, timeout_seconds=5.0), [1_000_000]
    store = RedisStore(redis, prefix=PREFIX, lease_seconds=3_600, clock=lambda: now[0])
    marks = RedisMarks(redis, prefix=PREFIX, clock=lambda: now[0])
    yield Here(redis=redis, store=store, marks=marks, now=now, claim=await claim_first_range(store))
    await forget(redis, PREFIX)


async def test_a_range_that_has_not_moved_since_a_mark_that_the_new_primary_has_stays_as_it_is(here: Here) -> None:
    await here.step()
    await here.take_next_range()
    await here.mark()
    await here.step()
    await here.mark()

    taken_back, held = await here.note(KEPT), await here.step()
    (told,) = [one.about for one in await here.store.events(here.claim.run_id) if one.kind == "failover"]

    assert (taken_back, held) == (1, False)
    assert (told["which"], told["ranges"], told["rows"]) == (str(here.claim.range_index), "1", "5")
    assert await here.rows_done() == 5
    again = await here.store.claim(here.claim.run_id, token="again")
    assert again is not None
    assert (again.range_index, again.cursor, again.totals.rows) == (here.claim.range_index, None, 0)


@pytest.mark.parametrize("kept_lsn", [None, 50], ids=["restarted since", "from before the first mark"])
async def test_where_nothing_is_known_to_be_there_everything_goes_back(here: Here, kept_lsn: int | None) -> None:
    await here.step()
    await here.take_next_range()
    await here.mark()
    await here.step()

    assert await here.note(Standing(system="s", timeline=2, lsn=9, kept_lsn=kept_lsn, up_since_ms=0)) == 2
    assert await here.rows_done() == 0


async def test_a_server_that_was_restarted_does_not_know_where_it_has_stopped_following(here: Here) -> None:
    await here.step()
    await here.mark()

    restarted = Standing(system="s", timeline=2, lsn=9, kept_lsn=1_000, up_since_ms=here.now[0] + 1)

    assert await here.note(restarted) == 1


async def test_a_range_that_moved_in_the_millisecond_of_the_mark_goes_back(here: Here) -> None:
    await here.mark()
    here.now[0] -= 1_000
    await here.step()

    assert await here.note(KEPT) == 1


async def test_nothing_goes_back_where_nothing_was_lost(here: Here) -> None:
    await here.step()
    await here.mark()

    assert await here.note(KEPT) == 0
    assert await here.note(KEPT) is None
    assert await here.rows_done() == 5


async def test_who_has_committed_on_the_primary_of_before_and_not_told_yet_is_not_heard(here: Here) -> None:
    await here.step()
    await here.mark()
    await here.note(KEPT)

    held = await here.step()

    assert not held
    again = await here.store.claim(here.claim.run_id, token="again")
    assert again is not None
    assert (again.cursor, again.totals.rows) == (STEP.cursor, 5)


async def test_a_primary_of_before_and_a_stranger_beside_the_known_one_are_not_heard(here: Here) -> None:
    await here.note(KEPT)
    await here.step()
    stranger = Standing(system="other", timeline=1, lsn=1, kept_lsn=None, up_since_ms=0)

    assert await here.note(Standing(system="s", timeline=1, lsn=9, kept_lsn=None, up_since_ms=0)) is None
    assert await here.note(stranger) is None
    here.now[0] += 10_000  # nobody has seen the known one for so long
    assert await here.note(stranger) == 1


async def test_a_run_that_is_being_verified_goes_back_to_settling_and_its_findings_are_made_anew(here: Here) -> None:
    run_id = here.claim.run_id
    aside = PutAside(unit_id=unit_of(0, 0), range_index=0, since_ms=1, tries=0, due_ms=0, counted=True, rows_counted=2)
    await here.mark()
    await here.step(Advance(cursor=("k",), units=1, rows=5, written=5, put_aside=(aside,)))
    assert (await here.store.act(run_id, Action.VERIFY, who="test")).taken

    await here.note(replace(KEPT, kept_lsn=None))
    run = await here.store.get(run_id)

    assert run is not None
    assert (run.state, run.counts.rows_done) == (State.RUNNING, 0)
    assert [(one.counted, one.rows_counted) for one in run.contended] == [(False, 0)]
