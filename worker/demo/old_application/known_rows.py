"""The rows the application may work on: a sample of the old ones, and its own.

A generation is taken out while a transaction works on it and comes back in its next stage, so two connections never
choose the same one. One whose outcome is unknown does not come back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, Protocol

from backfill.sql.files import load_sql

# Enough to choose from; the application itself has no memory at all.
_MOST_GENERATIONS_PER_STAGE = 10_000
_MOST_OWN_PROJECTS = 2_000


class Stage(Enum):
    PENDING = "pending"
    PROCESSING = "processing"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """`is_own`: made here. Only an own one becomes a parent: an old one might be deleted by somebody else meanwhile."""

    id: str
    project_id: str
    is_own: bool = True


class Queries(Protocol):
    """The part of a database connection that sampling needs."""

    async def fetch(self, query: str, *arguments: Any) -> list[Any]: ...


class KnownRows:
    """Users, projects and generations by stage."""

    def __init__(self, *, users: list[str], projects: list[str], largest_projects: list[str]) -> None:
        self._users = users
        self._projects = projects
        self._largest = largest_projects
        self._own_projects: deque[str] = deque(maxlen=_MOST_OWN_PROJECTS)
        self._generations: dict[Stage, list[Generation]] = {stage: [] for stage in Stage}

    @property
    def has_projects(self) -> bool:
        return bool(self._projects or self._own_projects)

    @property
    def has_users(self) -> bool:
        return bool(self._users)

    def has(self, stage: Stage) -> bool:
        return bool(self._generations[stage])

    def user(self, random: Random) -> str:
        return random.choice(self._users)

    def project(self, random: Random) -> str:
        """Old ones of all sizes, now and then one of the largest (half of those times the giant), and own ones."""
        draw = random.random()
        if draw < 0.2 and self._largest:
            return self._largest[0] if draw < 0.1 else random.choice(self._largest)
        if self._own_projects and (draw < 0.45 or not self._projects):
            return random.choice(self._own_projects)
        return random.choice(self._projects)

    def add_user(self, user_id: str) -> None:
        self._users.append(user_id)

    def add_project(self, project_id: str) -> None:
        self._own_projects.append(project_id)

    def take(self, stage: Stage, random: Random) -> Generation:
        """Removes one of them; the caller knows that there is one (`has`)."""
        generations = self._generations[stage]
        place = random.randrange(len(generations))
        generations[place], generations[-1] = generations[-1], generations[place]
        return generations.pop()

    def take_parent(self, random: Random) -> Generation | None:
        """An own finished generation that is never given out again, as a parent must not be deleted."""
        if not self.has(Stage.FINISHED):
            return None
        chosen = self.take(Stage.FINISHED, random)
        if chosen.is_own:
            return chosen
        self.put(Stage.FINISHED, chosen)
        return None

    def put(self, stage: Stage, generation: Generation) -> None:
        if len(self._generations[stage]) < _MOST_GENERATIONS_PER_STAGE:
            self._generations[stage].append(generation)


async def sample_rows(connection: Queries, seed: int) -> KnownRows:
    """What the application finds when it starts: a few reads of whole tables."""
    rows = KnownRows(
        users=[row["id"] for row in await connection.fetch(sql("sample_users"), str(seed))],
        projects=[row["id"] for row in await connection.fetch(sql("sample_projects"), str(seed))],
        largest_projects=[row["project_id"] for row in await connection.fetch(sql("largest_projects"))],
    )
    stages = {"pending": Stage.PENDING, "processing": Stage.PROCESSING}
    for query in ("sample_unfinished", "sample_deletable"):
        for row in await connection.fetch(sql(query), str(seed)):
            old = Generation(id=row["id"], project_id=row["project_id"], is_own=False)
            rows.put(stages.get(row["status"], Stage.FINISHED), old)
    return rows


def sql(name: str) -> str:
    return load_sql("worker.demo.old_application", f"sql/{name}.sql")
