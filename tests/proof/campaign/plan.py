"""What a campaign will do, from its seed alone: the rounds, and in each the faults with their order and their choices.

Nothing here looks at a clock or at a server, so a seed always makes the same plan; how long a server takes to come back
is the machine's affair. The seed of the second round follows from that of the first, and so on, which is why a campaign
of one round that is given the seed of any round is that round again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

FAULTS_PER_ROUND = 12
LARGEST_SEED = 2**31 - 1


class Kind(StrEnum):
    WORKER_KILLED = "worker killed with -9"
    WORKERS_KILLED = "all workers killed with -9"
    WORKER_DEPLOYED = "worker replaced, SIGTERM"
    WORKER_FROZEN = "worker frozen, SIGSTOP"
    WORKER_ADDED = "worker added"
    WORKER_REMOVED = "worker taken away"
    POSTGRES_CRASHED = "PostgreSQL crashed"
    REDIS_KILLED = "Redis killed with -9"
    REDIS_EMPTIED = "Redis emptied"
    WORKERS_CUT = "connections of the workers cut"
    EVERYBODY_CUT = "connections of everybody cut"
    COMMITS_LOST = "answers to COMMIT lost"
    RUN_PAUSED = "run paused and resumed"
    RUN_CANCELLED = "run cancelled, another begun"
    PACE_CHANGED = "pace changed"
    PROJECTS_LOCKED = "projects locked by an idle session"
    GENERATIONS_LOCKED = "generations locked by an idle session"
    SNAPSHOT_HELD = "old snapshot held open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`after_seconds` since the one before is over; `lasts_seconds` is for what lasts, and the next one does not wait
    for it. `choice` seeds what has to be chosen among what is there then: a worker, a project."""

    kind: Kind
    after_seconds: float
    lasts_seconds: float
    choice: int
    pace: dict[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    """`ties`: many rows have the same `created_at`. `upgrade_under_traffic`: the application writes before there are
    triggers, and through the whole schema change."""

    seed: int
    workers: int
    ties: bool
    upgrade_under_traffic: bool
    pace: dict[str, int | None]
    faults: tuple[Fault, ...]


def plan_round(seed: int) -> RoundPlan:
    chance = random.Random(seed)
    kinds = chance.sample(list(Kind), k=FAULTS_PER_ROUND)
    return RoundPlan(
        seed=seed,
        workers=chance.randint(2, 3),
        ties=chance.random() < 0.5,
        upgrade_under_traffic=chance.random() < 0.5,
        pace=_gentle_pace(chance),
        faults=tuple(_fault(kind, chance) for kind in kinds),
    )


def seeds_of_rounds(seed: int) -> Iterator[int]:
    """Without end; the first one is the campaign's own."""
    while True:
        yield seed
        seed = random.Random(f"after {seed}").randint(0, LARGEST_SEED)


def _fault(kind: Kind, chance: random.Random) -> Fault:
    return Fault(
        kind=kind,
        after_seconds=round(chance.uniform(0.3, 2.0), 2),
        lasts_seconds=round(chance.uniform(4.0, 8.0), 2),
        choice=chance.randint(0, LARGEST_SEED),
        pace=_gentle_pace(chance),
    )


def _gentle_pace(chance: random.Random) -> dict[str, int | None]:
    """Slow enough that the run outlasts the faults."""
    return {
        "parallel": chance.randint(2, 4),
        "batch_rows": chance.randint(10, 30),
        "pause_ms": chance.randint(150, 300),
    }
