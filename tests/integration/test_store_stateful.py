"""The store in any order of commands, claims, checkpoints, lost answers and expiries, on a real server.

Hypothesis chooses the steps, a model that counts units one by one says what may not happen, and at the end honest
workers must still be able to bring every run to its end: no order of steps leaves one that nobody can finish.
"""

from __future__ import annotations

import asyncio
from secrets import token_hex

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from backfill.engine.protocols import Task
from backfill.runs.states import DONE, Action, State
from backfill.runs.terms import Terms
from backfill.store.client import open_redis
from backfill.store.redis_store import RedisStore
from tests.support.store_metrics import compare_metrics, compare_outbox, compare_run
from tests.support.store_model import ALL_UNITS, COMMANDS, PLAN, UNITS_PER_RANGE, RunModel, forget, pace_of, task_name
from tests.support.store_worker import OUTCOMES, StoreWorker

LEASE_MS = 3_000
MOST_RUNS = 3
MOST_REOPENINGS = 3
ENOUGH_STEPS = 500
BACKFILL = "generation-versions"
TERMS = (Terms(), Terms(parameters='{"country":"AT"}'), Terms(version="2"))

picks = st.integers(0, 5)
outcomes = st.sampled_from(OUTCOMES)


class StoreMachine(RuleBasedStateMachine):
    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self.now_ms = 1_800_000_000_000
        self.prefix = f"stateful-{token_hex(6)}"
        self.runner = asyncio.Runner()
        self.redis: Redis = open_redis(redis_url, timeout_seconds=5.0)
        self.store = RedisStore(
            self.redis, prefix=self.prefix, lease_seconds=LEASE_MS / 1000, clock=lambda: self.now_ms
        )
        self.runs: dict[str, RunModel] = {}
        self.keys: dict[str, str] = {}
        self.workers: list[StoreWorker] = []

    @property
    def active(self) -> str | None:
        return next((run_id for run_id in self.runs if self.runs[run_id].state not in DONE), None)

    def picked_run(self, pick: int) -> str:
        return list(self.runs)[pick % len(self.runs)]

    def picked_worker(self, pick: int) -> StoreWorker:
        return self.workers[pick % len(self.workers)]

    @initialize(parallel=st.integers(1, 3), claims=st.integers(1, 3))
    def begin(self, parallel: int, claims: int) -> None:
        self.enqueue(parallel, "", TERMS[claims % len(TERMS)])
        self.claim(0)
        self.go_on(0, ["settled"])
        for _ in range(claims):
            self.claim(0)

    @precondition(lambda self: len(self.runs) < MOST_RUNS or self.active)
    @rule(parallel=st.integers(1, 3), key=st.sampled_from(["", "a", "b"]), terms=st.sampled_from(TERMS))
    def enqueue(self, parallel: int, key: str, terms: Terms) -> None:
        how = {"requested_by": "test", "idempotency_key": key or None, "terms": terms, "needs_approval": key == "b"}
        created = self.runner.run(self.store.create(BACKFILL, pace_of(parallel), **how))  # type: ignore[arg-type]

        assert created.is_repeated == (key in self.keys)
        assert created.is_new == (key not in self.keys and self.active is None)
        if created.is_new:
            first = State.PROPOSED if key == "b" else State.QUEUED
            self.runs[created.run_id] = RunModel(pace=pace_of(parallel), terms=terms, state=first)
            self.keys |= {key: created.run_id} if key else {}
        assert created.run_id == self.keys.get(key, self.active)

    @rule(pick=picks, action=st.sampled_from(COMMANDS))
    def command(self, pick: int, action: Action) -> None:
        run_id = self.picked_run(pick)
        model, other = self.runs[run_id], self.active
        blocked = action is Action.RETRY and other is not None and other != run_id
        possible = model.allows(action)

        taken = self.runner.run(self.store.act(run_id, action, who="test"))

        assert taken.taken == (possible and not blocked)
        assert taken.blocked_by == (other if blocked else None)

    @rule(pick=picks)
    def claim(self, pick: int) -> None:
        run_id = self.picked_run(pick)
        claim = self.runner.run(self.store.claim(run_id, token=token_hex(4)))
        self._sync(run_id)
        if claim is None:
            return
        self.runs[run_id].check_claim(claim, self.now_ms)
        self.runs[run_id].leases[task_name(claim)] = (claim.token, self.now_ms + LEASE_MS)
        self.workers.append(StoreWorker(claim))

    @precondition(lambda self: self.workers)
    @rule(pick=picks, hows=st.lists(outcomes, min_size=1, max_size=8))
    def go_on(self, pick: int, hows: list[str]) -> None:
        """Steps of a worker that may have been frozen for long and knows nothing of it."""
        worker = self.picked_worker(pick)
        if worker.claim.range_index < 0:
            (self._plan if worker.claim.task is Task.PLAN else self._finish)(worker)
            return
        for how in hows:
            if worker in self.workers and worker.may_go_on:
                worker.next_step(how, self.now_ms)
                self._checkpoint(worker)
        if worker in self.workers and not worker.may_go_on:
            self._release(worker, due_in_ms=0)

    @rule(pick=picks, hows=st.lists(outcomes, min_size=1, max_size=5), turns=st.integers(1, 20))
    def one_worker_works_on(self, pick: int, hows: list[str], turns: int) -> None:
        """Turn after turn of one worker, as far as it gets."""
        for _ in range(turns):
            self.claim(pick)
            if not self.workers:
                return
            self.go_on(len(self.workers) - 1, hows)
            self.the_store_says_what_happened()

    @precondition(lambda self: any(worker.last for worker in self.workers))
    @rule(pick=picks)
    def ask_again_after_a_lost_answer(self, pick: int) -> None:
        asked = [worker for worker in self.workers if worker.last]
        self._checkpoint(asked[pick % len(asked)])

    @precondition(lambda self: self.workers)
    @rule(pick=picks, what=st.sampled_from(["renew", "let go", "let go for long", "crash", "strike"]))
    def turn_aside(self, pick: int, what: str) -> None:
        worker = self.picked_worker(pick)
        match what:
            case "renew":
                self._renew(worker)
            case "let go":
                self._release(worker, due_in_ms=0)
            case "let go for long":
                self._release(worker, due_in_ms=500)
            case "crash":
                self.workers.remove(worker)
            case "strike":
                self.runner.run(self.store.strike(worker.claim, "the database is read-only", pause_after=3))

    @rule(pick=picks, parallel=st.integers(1, 3))
    def look_and_change_pace(self, pick: int, parallel: int) -> None:
        run_id = self.picked_run(pick)
        model = self.runs[run_id]
        vacancies = self.runner.run(self.store.vacancies(run_id))
        changed = self.runner.run(self.store.set_pace(run_id, pace_of(parallel), who="test"))
        self._sync(run_id)

        assert vacancies <= max(model.pace.parallel - len(model.live(self.now_ms)), 0)
        assert changed == (model.state not in DONE)
        model.pace = pace_of(parallel) if changed else model.pace

    @rule(milliseconds=st.sampled_from([100, 1_000, LEASE_MS, 4 * LEASE_MS]))
    def time_passes(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @invariant()
    def the_store_says_what_happened(self) -> None:
        for run_id in self.runs:
            self._sync(run_id)
            self.runner.run(compare_run(self.store, run_id, self.runs[run_id]))
        self.runner.run(compare_metrics(self.redis, self.prefix, BACKFILL, self.runs.values()))
        assert sum(model.state not in DONE for model in self.runs.values()) <= 1
        assert self.runner.run(self.store.active_ids([BACKFILL])) == ({BACKFILL: self.active} if self.active else {})

    def teardown(self) -> None:
        try:
            for run_id in list(self.runs):
                self._bring_to_its_end(run_id)
            self.runner.run(compare_outbox(self.redis, self.prefix, self.store, self.runs))
        finally:
            self.runner.run(forget(self.redis, self.prefix))
            self.runner.close()

    def _bring_to_its_end(self, run_id: str) -> None:
        """Honest workers that start now and meet no obstacle."""
        model = self.runs[run_id]
        self.workers.clear()
        for _ in range(ENOUGH_STEPS):
            if model.state in DONE:
                break
            goes_on = {State.PROPOSED: Action.APPROVE, State.PAUSED: Action.RESUME}.get(model.state)
            if goes_on is not None:
                self.runner.run(self.store.act(run_id, goes_on, who="test"))
            if not self.workers:
                self.now_ms += LEASE_MS
                self.claim(list(self.runs).index(run_id))
            else:
                self.go_on(0, ["settled"] * UNITS_PER_RANGE)
            self.the_store_says_what_happened()
        assert model.state in DONE, "a run that nobody can bring to its end"
        if model.state is State.SUCCEEDED:
            assert model.settled == ALL_UNITS

    def _sync(self, run_id: str) -> None:
        model = self.runs[run_id]
        for event in self.runner.run(self.store.events(run_id, after=model.last_event)):
            model.saw(event, self.now_ms)

    def _renew(self, worker: StoreWorker) -> None:
        expected = self.runs[worker.claim.run_id].holds(worker.claim, self.now_ms)

        held, state = self.runner.run(self.store.renew(worker.claim))
        assert held == expected, "only its holder renews a lease"
        self._heard(worker, held, state)

    def _plan(self, worker: StoreWorker) -> None:
        """Saves; and, having saved, saves again as after a lost answer, or lets go."""
        model = self.runs[worker.claim.run_id]
        held = model.leases.get("plan", ("", 0))[0] == worker.claim.token

        saved = self.runner.run(self.store.save_plan(worker.claim, PLAN))

        assert saved == held
        if model.planned or not saved:
            self._release(worker, due_in_ms=0)
        model.planned |= saved

    def _finish(self, worker: StoreWorker) -> None:
        """The verdict as the engine gives it."""
        claim, model = worker.claim, self.runs[worker.claim.run_id]
        held = model.leases.get("finish", ("", 0))[0] == claim.token
        contended = any(known.aside for known in model.ranges)
        action = Action.FAIL if contended or model.quarantined else Action.SUCCEED
        if contended and self.runner.run(self.store.reopened(claim)) < MOST_REOPENINGS:
            action = Action.REOPEN
        possible = model.allows(action)

        finished = self.runner.run(self.store.finish(claim, action, (), None))

        assert finished == (held and possible)
        self._sync(claim.run_id)
        self._release(worker, due_in_ms=0)

    def _checkpoint(self, worker: StoreWorker) -> None:
        claim, step = worker.claim, worker.last
        assert step is not None
        model = self.runs[claim.run_id]
        expected = model.holds(claim, self.now_ms)

        verdict = self.runner.run(self.store.checkpoint(claim, step.sequence, step.advance, step.totals))
        assert verdict.held == expected, "only the holder of the lease moves a range"
        if verdict.held:
            model.apply(claim, step)
        self._heard(worker, verdict.held, verdict.state)

    def _heard(self, worker: StoreWorker, held: bool, state: State) -> None:
        if not held:
            self.workers.remove(worker)
            return
        worker.heard = state
        leases = self.runs[worker.claim.run_id].leases
        leases[task_name(worker.claim)] = (worker.claim.token, self.now_ms + LEASE_MS)

    def _release(self, worker: StoreWorker, *, due_in_ms: int) -> None:
        leases = self.runs[worker.claim.run_id].leases
        self.runner.run(self.store.release(worker.claim, due_in_ms=due_in_ms))
        self.workers.remove(worker)
        if leases.get(task_name(worker.claim), ("", 0))[0] == worker.claim.token:
            del leases[task_name(worker.claim)]


def test_no_order_of_steps_counts_twice_or_lets_two_work_on_one_range(redis_url: str) -> None:
    class OnThisServer(StoreMachine):
        def __init__(self) -> None:
            super().__init__(redis_url)

    run_state_machine_as_test(
        OnThisServer,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a failure would take minutes
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
