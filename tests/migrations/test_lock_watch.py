from __future__ import annotations

from typing import Any

import pytest

from backfill.alembic.lock_watch import Blocker, sentence

SESSION: dict[str, Any] = {
    "table": "generations",
    "pid": 7,
    "backend_type": "client backend",
    "user_name": "app",
    "application_name": "web",
    "state": "idle in transaction",
    "transaction_seconds": 61.4,
}


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({}, "pid 7 (user app, application web, idle in transaction, transaction open for 61 s)"),
        ({"application_name": ""}, "pid 7 (user app, idle in transaction, transaction open for 61 s)"),
        (
            {"backend_type": "autovacuum worker", "user_name": None, "application_name": "", "state": "active"},
            "pid 7 (autovacuum worker, active, transaction open for 61 s)",
        ),
        (
            {"state": None, "transaction_seconds": None},
            "pid 7 (user app, application web, state hidden: needs pg_monitor)",
        ),
        ({"pid": 0}, "a prepared transaction"),
    ],
)
def test_a_session_is_described_by_what_the_server_shows(differs: dict[str, Any], words: str) -> None:
    assert str(Blocker(**SESSION | differs)) == words


def test_only_the_first_of_many_are_named() -> None:
    queue = tuple(Blocker(**SESSION | {"pid": pid}) for pid in range(1, 6))

    said = sentence(queue)

    assert said.startswith("waiting for generations: pid 1 (")
    assert said.count("pid ") == 3
    assert said.endswith("; and 2 more")


def test_a_wait_for_no_table_in_particular_is_said_too() -> None:
    said = sentence((Blocker(**SESSION | {"table": None}),))

    assert said.startswith("waiting for other transactions: pid 7 (")
