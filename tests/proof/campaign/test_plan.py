"""The plan of a campaign follows from its seed."""

from __future__ import annotations

import sys
from itertools import islice

from tests.proof.campaign.blows import BLOWS
from tests.proof.campaign.ledger import Ledger, Violation, times
from tests.proof.campaign.plan import Kind, plan_round, seeds_of_rounds
from tests.support.commands import environment_for, run_command

SEEDS = range(50)


def test_a_seed_always_makes_the_same_faults_in_the_same_order() -> None:
    assert [plan_round(seed) for seed in SEEDS] == [plan_round(seed) for seed in SEEDS]
    assert len({str(plan_round(seed).faults) for seed in SEEDS}) == len(SEEDS)
    assert _planned_elsewhere(seed=7) == str(plan_round(7))


def test_each_round_of_a_campaign_is_the_first_of_the_campaign_with_its_seed() -> None:
    first, second, third = islice(seeds_of_rounds(7), 3)

    assert [first, second] == [7, next(islice(seeds_of_rounds(7), 1, None))]
    assert list(islice(seeds_of_rounds(second), 2)) == [second, third]


def test_every_kind_of_fault_is_planned_sooner_or_later_and_can_be_done() -> None:
    planned = {fault.kind for seed in SEEDS for fault in plan_round(seed).faults}

    assert planned == set(Kind) == set(BLOWS)


def test_a_ledger_adds_up_its_rounds() -> None:
    campaign = Ledger()
    for seed, seconds in ((1, 1.0), (2, 9.0), (3, 2.0)):
        this = Ledger(rounds=1, contended=2, violations=[Violation(seed=seed, what="a row is missing")])
        this.faults[Kind.REDIS_KILLED] += 1
        this.writes["insert"] += 10
        this.recovered(Kind.REDIS_KILLED, seconds)
        campaign.add(this)

    told = "\n".join(campaign.lines())

    assert times(campaign.recoveries[Kind.REDIS_KILLED]) == {"count": 3, "p50": 2.0, "max": 9.0}
    assert (campaign.rounds, campaign.faults.total(), campaign.writes.total(), campaign.contended) == (3, 3, 30, 6)
    assert "round 2: a row is missing" in told
    assert campaign.document()["violations"][1] == {"seed": 2, "what": "a row is missing"}


def _planned_elsewhere(seed: int) -> str:
    """By another process, whose sets are in another order."""
    program = f"from tests.proof.campaign.plan import plan_round; print(plan_round({seed}))"
    env = environment_for(PYTHONHASHSEED="1")
    return run_command(sys.executable, "-c", program, env=env).stdout.strip()
