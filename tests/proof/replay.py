"""Plays the history through: what was true of a project at each moment, and what was done to it that may not be.

Events of one project are in the order of its lock. Of a settling transaction only what it did is known, not that it
was one: it is recognized by rows that get their place by an UPDATE that moves them nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from tests.proof.findings import Findings
from tests.proof.history import History
from tests.proof.reservations import NEXT_RELEASE, Event, Reservations

Key: TypeAlias = tuple[datetime, str]


@dataclass(slots=True, kw_only=True)
class Generation:
    """`arrived`: when it came into its project. `place`: sorts generations as their numbers must be sorted."""

    id: str
    project_id: str
    created_at: datetime
    status: str
    version: int
    assigned: bool
    arrived: int = 0
    place: tuple[Any, ...] = (0,)

    @property
    def key(self) -> Key:
        return (self.created_at, self.id)


@dataclass(slots=True, kw_only=True)
class Group:
    """The rows of a project that one transaction settled. `least` and `most` bound the number before its first one."""

    project_id: str
    began: int
    least: int
    most: int
    rows: dict[int, Generation] = field(default_factory=dict)
    arrivals: list[tuple[Key, int]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Project:
    """`due`: completed generations that the Active rule has looked at since the last choice that was not its own.
    `highest`: the highest number ever given."""

    latest_version: int = 0
    active_id: str | None = None
    highest: int = 0
    members: dict[str, Generation] = field(default_factory=dict)
    due: set[str] = field(default_factory=set)
    groups: list[Group] = field(default_factory=list)


class Replay:
    """`projects` and `generations` are as the history ends."""

    def __init__(self, history: History, findings: Findings) -> None:
        self._findings = findings
        self._reservations = Reservations()
        self._open_groups: dict[tuple[int, str], Group] = {}
        self._went_away: set[tuple[int, str]] = set()
        self.projects: dict[str, Project] = defaultdict(Project)
        self.generations: dict[str, Generation] = {}
        self.activations: set[tuple[str, str]] = set()
        self._begin(history)
        for event in history.events:
            if event["what"] == "delete" or event["project_before"] not in (None, event["project_id"]):
                self._went_away.add((event["xid"], event["generation_id"]))
        for event in history.events:
            self._play(event)

    def _begin(self, history: History) -> None:
        for row in history.projects:
            self.projects[row["id"]] = Project(
                latest_version=row["latest_version"], active_id=row["active_generation_id"]
            )
        for row in history.generations:
            generation = Generation(
                id=row["id"],
                project_id=row["project_id"],
                created_at=row["created_at"],
                status=row["status"],
                version=row["version"],
                assigned=row["storage_path"] is not None,
                place=(0, row["version"]),
            )
            self._join(generation)

    def _play(self, event: Event) -> None:
        if event["what"] == "project":
            self._project_changed(event)
        elif event["what"] == "insert":
            self._inserted(event)
        elif event["what"] == "delete":
            self._leave(self.generations.pop(event["generation_id"]))
        elif event["project_before"] != event["project_id"]:
            self._moved(event)
        else:
            self._updated(event)

    def _join(self, generation: Generation) -> None:
        project = self.projects[generation.project_id]
        self.generations[generation.id] = project.members[generation.id] = generation
        if generation.assigned:
            project.highest = max(project.highest, generation.version)

    def _leave(self, generation: Generation) -> None:
        project = self.projects[generation.project_id]
        del project.members[generation.id]
        project.due.discard(generation.id)

    def _inserted(self, event: Event) -> None:
        generation = _generation(event)
        project = self.projects[generation.project_id]
        if self._reservations.is_denied(event):
            self._findings.add(
                "kept",
                f"generation {generation.id} of project {generation.project_id} got number {generation.version}, and"
                f" {event['asked']} was reserved for it (event {event['seq']})",
            )
        self._check_live_number(generation, project, event)
        self._join(generation)
        if event["status"] == "completed" and event["storage_path"] == f"./storage/projects/{generation.id}":
            project.due.add(generation.id)

    def _moved(self, event: Event) -> None:
        self._leave(self.generations.pop(event["generation_id"]))
        generation = _generation(event)
        self._check_live_number(generation, self.projects[generation.project_id], event)
        self._join(generation)

    def _check_live_number(self, generation: Generation, project: Project, event: Event) -> None:
        reserved = self._reservations.place_of(event)
        if reserved:
            generation.place = reserved
        elif generation.assigned and generation.version <= project.highest:
            self._findings.add(
                "order",
                f"generation {generation.id} came into project {generation.project_id} with number"
                f" {generation.version}, when {project.highest} was given already (event {event['seq']})",
            )

    def _updated(self, event: Event) -> None:
        generation = self.generations[event["generation_id"]]
        project = self.projects[generation.project_id]
        if event["storage_path_before"] is None and event["storage_path"] is not None:
            self._settled(event, generation, project)
        elif event["version"] != event["version_before"]:
            self._findings.add(
                "renumbered",
                f"generation {generation.id} of project {generation.project_id} had number {event['version_before']}"
                f" and got {event['version']} (event {event['seq']})",
            )
        generation.status, generation.version = event["status"], event["version"]
        generation.assigned = event["storage_path"] is not None
        completed = event["status"] == "completed"
        now_completed = completed and event["status_before"] != "completed"
        unplaced = event["storage_path"] == event["storage_path_before"]
        # One that gets its place, and is completed, is up to the backfill; but the next release activates for itself.
        is_due = now_completed if unplaced else completed and event["application"] != NEXT_RELEASE
        if is_due and generation.assigned and project.latest_version > 0:
            project.due.add(generation.id)

    def _settled(self, event: Event, generation: Generation, project: Project) -> None:
        group = self._open_groups.get((event["xid"], generation.project_id))
        if group is None:
            existing = [member.version for member in project.members.values() if member.assigned]
            group = Group(
                project_id=generation.project_id,
                began=event["seq"],
                least=max([project.latest_version, *existing]),
                most=max(project.latest_version, project.highest),
            )
            self._open_groups[event["xid"], generation.project_id] = group
            project.groups.append(group)
        group.rows[event["version"]] = generation
        group.arrivals.append((generation.key, generation.arrived))
        generation.place = (group.began, *generation.key)
        project.highest = max(project.highest, event["version"])

    def _project_changed(self, event: Event) -> None:
        project_id = event["project_id"]
        project = self.projects[project_id]
        self._reservations.raised(event)
        if event["latest_version"] < event["latest_before"]:
            self._findings.add(
                "latest",
                f"latest_version of project {project_id} fell from {event['latest_before']} to"
                f" {event['latest_version']} (event {event['seq']})",
            )
        if event["depth"] == 1 and event["latest_before"] == 0 and event["latest_version"] > 0:
            project.due |= {member.id for member in project.members.values() if member.status == "completed"}
        project.latest_version = event["latest_version"]
        if event["active_id"] != event["active_before"]:
            self._active_changed(event, project)

    def _active_changed(self, event: Event, project: Project) -> None:
        before, after = event["active_before"], event["active_id"]
        project.active_id = after
        if after is None:
            if (event["xid"], before) not in self._went_away:
                self._complain(event, f"lost its active generation {before}, which did not go away")
            project.due.clear()
        elif event["depth"] == 1 and event["application"] == NEXT_RELEASE:
            self.activations.add((event["project_id"], after))
            project.due.clear()
        else:
            self._check_own_choice(event)

    def _check_own_choice(self, event: Event) -> None:
        before, after = event["active_before"], event["active_id"]
        if event["project_before"] != event["project_id"]:
            self._complain(event, f"got {after} of project {event['project_before']} as its active generation")
        elif event["status"] != "completed":
            self._complain(event, f"got {after} as its active generation, which is {event['status']}")
        elif before in self.generations and self.generations[before].key > (event["created_at"], after):
            self._complain(event, f"got {after} as its active generation, which is older than {before}")

    def _complain(self, event: Event, what: str) -> None:
        self._findings.add("active", f"project {event['project_id']} {what} (event {event['seq']})")


def _generation(event: Event) -> Generation:
    return Generation(
        id=event["generation_id"],
        project_id=event["project_id"],
        created_at=event["created_at"],
        status=event["status"],
        version=event["version"],
        assigned=event["storage_path"] is not None,
        arrived=event["seq"],
        place=(event["seq"],),
    )
