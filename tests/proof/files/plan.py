"""How much of everything a proof of the files has, and when its faults come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LARGEST_SEED = 2**31 - 1
GENERATIONS_PER_PROJECT = 10


class Blow(StrEnum):
    KILL = "kill -9 of a worker"
    FULL_DISK = "a full disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`operations_per_second` are of each of the application's processes."""

    generations: int = 20_000
    kills: int = 20
    full_disks: int = 2
    seed: int = 1
    workers: int = 2
    shares: int = 2
    operations_per_second: float = 60.0

    @property
    def projects(self) -> int:
        return max(2, self.generations // GENERATIONS_PER_PROJECT)

    @property
    def blows(self) -> list[tuple[float, Blow]]:
        """Each with the share of the generations after which it comes, evenly."""
        return sorted([*_evenly(self.kills, Blow.KILL), *_evenly(self.full_disks, Blow.FULL_DISK)])


def _evenly(count: int, blow: Blow) -> list[tuple[float, Blow]]:
    return [((place + 0.5) / count * 0.95, blow) for place in range(count)]
