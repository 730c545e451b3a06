"""`scripts/validate_migration.py`: a line per check, and an exit code that a release can wait for."""

from __future__ import annotations

import json
from typing import Any

from tests.support.cli import ADD_LIVE_ROW, NO_POSTGRES, NO_REDIS, Done, refusal, validate
from tests.support.old_rows import OldRows


def failed_checks(done: Done) -> list[str]:
    checks: list[dict[str, Any]] = json.loads(done.stdout)["checks"]
    return [check["check"] for check in checks if check["status"] == "error"]


async def test_rows_that_are_not_versioned_yet_fail_one_check(rows: OldRows, environment: dict[str, str]) -> None:
    await rows.add_project("old")
    await rows.add_many("old", 3)

    done = validate("--json", env=environment)

    assert (done.returncode, failed_checks(done)) == (3, ["all generations versioned"])


async def test_numbers_that_are_freed_are_a_warning_and_a_number_twice_is_an_error(
    rows: OldRows, environment: dict[str, str]
) -> None:
    await rows.add_project("new")
    await rows.connection.executemany(ADD_LIVE_ROW, [("a",), ("b",), ("c",)])
    await rows.connection.execute("DELETE FROM generations WHERE id = 'b'")
    gap = validate(env=environment)
    await rows.connection.execute("UPDATE generations SET version = 1 WHERE id = 'c'")
    twice = validate(env=environment)

    assert gap.returncode == 0
    assert "WARNING    sequences 1, 2, 3, ... per project\n" in gap.stdout
    assert twice.returncode == 3
    assert "ERROR      sequences 1, 2, 3, ... per project\n" in twice.stdout


def test_the_checks_are_printed_in_order(environment: dict[str, str]) -> None:
    lines = validate(env=environment).stdout.splitlines()

    assert [line.split(maxsplit=1)[1] for line in lines[:-1]] == [
        "columns",
        "foreign key",
        "indexes",
        "triggers",
        "statistics",
        "all generations versioned",
        "storage paths",
        "sequences 1, 2, 3, ... per project",
        "latest_version",
        "active assignments",
        "is_active consistency",
    ]


def test_it_needs_the_database_and_no_redis(environment_e011: dict[str, str]) -> None:
    environment = {**environment_e011, "REDIS_URL": NO_REDIS}

    migrated_not = validate(env=environment)
    unreachable = validate(env={**environment, "DATABASE_URL": NO_POSTGRES})

    assert migrated_not.returncode == 3
    assert migrated_not.stdout.startswith("ERROR      columns\n")
    assert "UNCHECKED  latest_version\n" in migrated_not.stdout
    assert "nothing listens there" in refusal(unreachable, 7)
