"""When a run counts as going on again, and what a ledger makes of it."""

from __future__ import annotations

from backfill.runs.states import State
from tests.proof.campaign.ledger import Ledger, Violation, times
from tests.proof.campaign.lookout import Sight
from tests.proof.campaign.plan import Kind
from tests.proof.campaign.soak import exit_code_of


def sight(*steps: int, worked_on: str = "", run_id: str = "a", state: State = State.RUNNING) -> Sight:
    by_range = {str(index): step for index, step in enumerate(steps)}
    return Sight(run_id=run_id, state=state, error=None, steps=by_range, worked_on=frozenset(worked_on))


def test_a_run_goes_on_when_every_range_that_was_worked_on_has_made_a_step() -> None:
    blow = sight(5, 7, 0, worked_on="01")

    assert not sight(5, 7, 0).went_on(blow)
    assert not sight(6, 7, 3).went_on(blow)
    assert not sight(6, 2, 0).went_on(blow)  # Redis has lost the last second
    assert sight(6, 8, 0).went_on(blow)


def test_a_run_that_nobody_worked_on_goes_on_with_any_step_and_another_run_with_its_first() -> None:
    assert not sight(5, 7).went_on(sight(5, 7))
    assert sight(5, 8).went_on(sight(5, 7))
    assert not sight(0, 0, run_id="b").went_on(sight(5, 7, worked_on="01"))
    assert sight(0, 1, run_id="b").went_on(sight(5, 7, worked_on="01"))
    assert sight(5, 7, state=State.SUCCEEDED).went_on(sight(5, 7, worked_on="01"))


def test_a_ledger_adds_up_its_rounds() -> None:
    campaign = Ledger()
    for seed, seconds in ((1, 1.0), (2, 9.0), (3, 2.0)):
        this = Ledger(rounds=1, contended=2, violations=[Violation(seed=seed, what="a row is missing")])
        this.faults[Kind.REDIS_KILLED] += 1
        this.writes["insert"] += 10
        this.recovered(Kind.REDIS_KILLED, seconds, from_answering=seconds / 2)
        this.recovered(Kind.WORKER_KILLED, 3.0)
        campaign.add(this)

    told = "\n".join(campaign.lines())

    assert times(campaign.recoveries[Kind.REDIS_KILLED]) == {"count": 3, "p50": 2.0, "p95": 9.0, "max": 9.0}
    assert (campaign.rounds, campaign.faults.total(), campaign.writes.total(), campaign.contended) == (3, 3, 30, 6)
    assert sorted(campaign.without_servers()) == [0.5, 1.0, 3.0, 3.0, 3.0, 4.5]
    assert "round 2: a row is missing" in told
    assert campaign.document()["violations"][1] == {"seed": 2, "what": "a row is missing"}
    assert (exit_code_of(campaign), exit_code_of(Ledger(rounds=3))) == (3, 0)
