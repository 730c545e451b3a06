"""Would our tests notice? Each rule is sabotaged in a copy of the project, and the named test has to fail there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backfill.urls import ServerUrls
from tests.mutations.copies import Copy, servers_of_this_session
from tests.mutations.sabotage import Sabotage
from tests.mutations.sabotages import SABOTAGES

TESTS = sorted({sabotage.caught_by for sabotage in SABOTAGES})
WHERE = """
import backfill.settings, tests.conftest, worker.main
for module in (backfill.settings, tests.conftest, worker.main): print(module.__file__)
"""


@pytest.fixture
def before_the_migration(servers: ServerUrls, template_e011: str) -> dict[str, str]:
    """For a copy that has to migrate by itself, because its migration is another one."""
    return servers_of_this_session(servers.database_url, servers.redis_url, template_e011=template_e011)


@pytest.fixture
def migrated(before_the_migration: Mapping[str, str], template_head: str) -> dict[str, str]:
    return {**before_the_migration, "TEST_TEMPLATE_HEAD": template_head}


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotage_is_caught(
    sabotage: Sabotage, tmp_path: Path, before_the_migration: dict[str, str], migrated: dict[str, str]
) -> None:
    copy = Copy(tmp_path, before_the_migration if sabotage.is_in_the_migration else migrated)
    for change in sabotage.changes:
        copy.replace(*change)

    outcomes = copy.run_tests(sabotage.caught_by)

    assert outcomes.by_test == {sabotage.caught_by: "failed"}, (
        f"sabotage {sabotage.name!r} was not caught by {sabotage.caught_by}\n{outcomes.output}"
    )


def test_without_a_sabotage_the_same_tests_pass(tmp_path: Path, before_the_migration: dict[str, str]) -> None:
    outcomes = Copy(tmp_path, before_the_migration).run_tests(*TESTS)

    assert outcomes.by_test == dict.fromkeys(TESTS, "passed"), outcomes.output


def test_a_copy_runs_its_own_code_wherever_it_is_called_from(tmp_path: Path, migrated: dict[str, str]) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    copy = Copy(folder, migrated)

    imported = copy.run("-c", WHERE, cwd=tmp_path).stdout.split()

    assert imported == [
        str(folder / name) for name in ("backfill/settings/__init__.py", "tests/conftest.py", "worker/main.py")
    ]
