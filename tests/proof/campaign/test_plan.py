"""The plan of a campaign follows from its seed."""

from __future__ import annotations

import sys
from itertools import islice

from tests.proof.campaign.blows import BLOWS
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


def _planned_elsewhere(seed: int) -> str:
    """By another process, whose sets are in another order."""
    program = f"from tests.proof.campaign.plan import plan_round; print(plan_round({seed}))"
    env = environment_for(PYTHONHASHSEED="1")
    return run_command(sys.executable, "-c", program, env=env).stdout.strip()
