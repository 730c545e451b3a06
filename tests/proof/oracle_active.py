"""The active generation: flag and pointer are one thing, and it is the one that the rule leads to."""

from __future__ import annotations

from collections import defaultdict

from tests.proof.findings import Findings
from tests.proof.journal import Journal
from tests.proof.oracle_rows import Tables
from tests.proof.replay import Project, Replay


def check_active(tables: Tables, replay: Replay, journal: Journal, findings: Findings) -> None:
    flagged: dict[object, list[object]] = defaultdict(list)
    for row_id, row in tables["generations"].items():
        if row["is_active"]:
            flagged[row["project_id"]].append(row_id)
    for project_id, project in tables["projects"].items():
        active_id = project["active_generation_id"]
        if flagged[project_id] != ([] if active_id is None else [active_id]):
            findings.add(
                "flags", f"project {project_id} points at {active_id}, and the flag is set on {flagged[project_id]}"
            )
        _check_choice(project_id, active_id, replay.projects[project_id], findings)
    for project_id, generation_id in journal.activations:
        if (project_id, generation_id) not in replay.activations:
            findings.add("active", f"the next release activated {generation_id} of project {project_id} to no effect")


def _check_choice(project_id: str, active_id: object, project: Project, findings: Findings) -> None:
    if active_id != project.active_id:
        findings.add("active", f"project {project_id} points at {active_id}, when {project.active_id} was chosen last")
        return
    newest = max((project.members[due] for due in project.due), key=lambda member: member.key, default=None)
    if newest is None:
        return
    active = project.members.get(str(active_id))
    if active is None or active.key < newest.key:
        findings.add("active", f"project {project_id} points at {active_id}, though {newest.id} is completed and newer")
