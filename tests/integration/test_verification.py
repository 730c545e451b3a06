"""Every rule of the data, broken in a project of its own: verification finds that one, by its name."""

from __future__ import annotations

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
