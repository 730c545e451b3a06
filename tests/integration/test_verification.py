"""Every rule of the data, broken in a project of its own: verification finds that one, by its name."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from backfill.engine.checking import check_everything
from tests.support.old_rows import OldRows
from worker.generations.backfill import GenerationVersions
from worker.generations.rules import DATA_RULES

SPOILED_BY = {
    "unassigned": "UPDATE generations SET storage_path = NULL WHERE id = 'unassigned-2'",
    "blank_storage_path": "UPDATE generations SET storage_path = '' WHERE id = 'blank_storage_path-2'",
    "duplicate_versions": "UPDATE generations SET version = 1 WHERE id = 'duplicate_versions-2'",
    "version_below_one": "UPDATE generations SET version = 0 WHERE id = 'version_below_one-1'",
    "latest_version_too_low": "UPDATE projects SET latest_version = 2 WHERE id = 'latest_version_too_low'",
    "active_mismatch": "UPDATE generations SET is_active = false WHERE project_id = 'active_mismatch'",
    "active_of_another_project": (
        "UPDATE projects SET active_generation_id = 'gaps-3' WHERE id = 'active_of_another_project'"
    ),
    "gaps": "DELETE FROM generations WHERE id = 'gaps-2'",
    "inversions": "UPDATE generations SET created_at = created_at + interval '1 day' WHERE id = 'inversions-1'",
    "completed_but_none_active": "DELETE FROM generations WHERE id = 'completed_but_none_active-3'",
    "active_not_completed": "UPDATE generations SET status = 'failed' WHERE id = 'active_not_completed-3'",
}
# One that is broken by breaking another: a number that is there twice is missing elsewhere.
BESIDES = {"gaps": {"duplicate_versions", "unassigned"}, "active_mismatch": {"active_of_another_project"}}


async def test_every_broken_rule_is_found_where_it_is_broken(rows: OldRows, backfill: GenerationVersions) -> None:
    for rule in SPOILED_BY:
        await rows.add_project(rule)
        await rows.add(rule, *((f"{rule}-{n}", "completed", n) for n in (1, 2, 3)))
    await backfill.settle(list(SPOILED_BY))
    healthy = await check_everything(backfill)
    await rows.connection.execute("ALTER TABLE projects DISABLE TRIGGER USER")

    for statement in SPOILED_BY.values():
        await rows.connection.execute(statement)
    await rows.connection.execute("ALTER TABLE projects ENABLE TRIGGER USER")
    _, findings = await check_everything(backfill)

    assert healthy == (len(SPOILED_BY), ())
    assert set(SPOILED_BY) == {rule.slug for rule in DATA_RULES}
    found = {finding.rule: set(finding.examples) - BESIDES.get(finding.rule, set()) for finding in findings}
    assert found == {rule: {rule} for rule in SPOILED_BY}


# Each differs from what is right in one thing, and in none that another rule is about.
NOT_ACTIVE_ALONE = {
    "flagged-twice": "UPDATE generations SET is_active = true WHERE id = 'p-1'",
    "flagged-without-a-pointer": "UPDATE generations SET is_active = true WHERE id = 'pending-1'",
    "empty-with-a-pointer": ("UPDATE projects SET active_generation_id = 'p-3' WHERE id = 'empty'"),
    "pending-with-a-pointer": "UPDATE projects SET active_generation_id = 'p-3' WHERE id = 'pending'",
    "flagged-never": "UPDATE generations SET is_active = false WHERE project_id = 'p'",
}


@pytest.mark.parametrize("spoiled", NOT_ACTIVE_ALONE)
async def test_what_is_active_is_compared_on_both_sides(
    rows: OldRows, backfill: GenerationVersions, spoiled: str
) -> None:
    for project_id, status in (("p", "completed"), ("pending", "pending")):
        await rows.add_project(project_id)
        await rows.add(project_id, *((f"{project_id}-{n}", status, n) for n in (1, 2, 3)))
    await rows.add_project("empty")
    await backfill.settle(["p", "pending", "empty"])
    healthy = await check_everything(backfill)
    await rows.connection.execute(NOT_ACTIVE_ALONE[spoiled])

    _, findings = await check_everything(backfill)

    assert healthy == (3, ())
    assert len(findings) == 1
    assert findings[0].rule in {"active_mismatch", "active_of_another_project"}


async def test_numbers_that_are_there_twice_are_counted_in_every_order(
    rows: OldRows, backfill: GenerationVersions
) -> None:
    """Four rows with each way to give them numbers: those that rise, those that fall, those that come back later."""
    given = list(product(range(1, 5), repeat=4))
    ids = [f"project-{place:03}" for place in range(len(given))]
    for project_id in ids:
        await rows.add_project(project_id)
        await rows.add(project_id, *((f"{project_id}-{n}", "completed", n) for n in (1, 2, 3, 4)))
    await backfill.settle(ids)
    await rows.connection.executemany(
        "UPDATE generations SET version = $2 WHERE id = $1",
        [
            (f"{ids[place]}-{n}", version)
            for place, versions in enumerate(given)
            for n, version in enumerate(versions, 1)
        ],
    )

    found, after = {}, None
    for _ in given:
        page = await backfill.check_page(after, None, units=1)
        after = page.last_key
        assert after is not None
        found[after[1]] = {finding.rule: finding.count for finding in page.findings}

    assert found == {project_id: _breaches(versions) for project_id, versions in zip(ids, given, strict=True)}


def _breaches(versions: tuple[int, ...]) -> dict[str, int]:
    counts = {
        "duplicate_versions": len(versions) - len(set(versions)),
        "inversions": sum(later < earlier for earlier, later in pairwise(versions)),
    }
    return {rule: count for rule, count in counts.items() if count}
