"""The numbers: unique, in order, dense where they were given together, and never above latest_version."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from tests.proof.findings import Findings
from tests.proof.journal import Values
from tests.proof.oracle_rows import Tables
from tests.proof.replay import Group, Project, Replay


def check_numbers(tables: Tables, replay: Replay, findings: Findings, *, finished: bool) -> None:
    members: dict[str, list[Values]] = defaultdict(list)
    for generation in tables["generations"].values():
        members[str(generation["project_id"])].append(generation)
    for project_id, project in tables["projects"].items():
        rows = members[project_id]
        assigned = [row for row in rows if row["storage_path"] is not None]
        latest_version = _number(project, "latest_version")
        if (finished or latest_version > 0) and len(assigned) < len(rows):
            ids = [row["id"] for row in rows if row["storage_path"] is None]
            findings.add("unassigned", f"project {project_id} has rows without their values: {ids[:5]}")
        elif finished and rows and latest_version == 0:
            findings.add("unassigned", f"project {project_id} has {len(rows)} rows and is not settled")
        _check_unique(project_id, assigned, findings)
        _check_latest(project_id, latest_version, assigned, findings)
        _check_order(project_id, assigned, replay, findings)
    for project_id, played in replay.projects.items():
        for group in played.groups:
            _check_dense(group, findings)
        _check_nothing_overlooked(project_id, played, findings)


def _check_unique(project_id: str, rows: list[Values], findings: Findings) -> None:
    by_number: dict[int, list[object]] = defaultdict(list)
    for row in rows:
        by_number[_number(row, "version")].append(row["id"])
    for number, ids in by_number.items():
        if len(ids) > 1 or number < 1:
            findings.add("unique", f"in project {project_id} {ids} have number {number}")


def _check_latest(project_id: str, latest_version: int, rows: list[Values], findings: Findings) -> None:
    highest = max((_number(row, "version") for row in rows), default=0)
    # Of a project that is settled in parts, latest_version is set with the last one.
    if 0 < latest_version < highest:
        findings.add("latest", f"project {project_id} has latest_version {latest_version} and a number {highest}")


def _check_order(project_id: str, rows: list[Values], replay: Replay, findings: Findings) -> None:
    known = [
        (_number(row, "version"), replay.generations[str(row["id"])].place, row["id"])
        for row in rows
        if str(row["id"]) in replay.generations
    ]
    for (number, place, row_id), (next_number, next_place, next_id) in pairwise(sorted(known)):
        if place > next_place:
            findings.add(
                "order",
                f"in project {project_id} generation {row_id} has number {number} and {next_id} has {next_number},"
                f" though by their order it is the other way round",
            )


def _check_dense(group: Group, findings: Findings) -> None:
    numbers = sorted(group.rows)
    base = numbers[0] - 1
    if numbers[-1] - base != len(group.arrivals):
        findings.add(
            "dense",
            f"project {group.project_id} was settled with {len(group.arrivals)} rows and the numbers {numbers[0]} to"
            f" {numbers[-1]}",
        )
    elif not group.least <= base <= group.most:
        findings.add(
            "dense",
            f"project {group.project_id} was settled from number {numbers[0]} on, when {group.most} was given last",
        )


def _check_nothing_overlooked(project_id: str, project: Project, findings: Findings) -> None:
    """Where a project is settled in parts, a row comes after later ones only if it was not there yet when they were
    numbered: it arrived behind the place to which the work had come."""
    for number, group in enumerate(project.groups):
        for key, arrived in group.arrivals:
            passed = next((g for g in project.groups[:number] if max(g.arrivals)[0] > key), None)
            if passed is not None and arrived < passed.began:
                findings.add(
                    "order",
                    f"in project {project_id} generation {key[1]} was there when later ones were numbered without it",
                )


def _number(row: Values, column: str) -> int:
    value = row[column]
    assert isinstance(value, int)
    return value
