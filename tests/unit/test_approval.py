"""Who is taken to be one person, by the names that events have."""

from __future__ import annotations

import pytest

from backfill.runs.approval import same_person


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("cli:ann@db1", "cli:ann@db1", True),
        ("cli:ann@db1", "cli:ann@db2", True),
        ("cli:ann@db1", "http:ann", True),
        ("http:ann", "http:ann", True),
        ("cli:ann@db1", "cli:bob@db1", False),
        ("http:ann", "http:bob", False),
        ("http:ann@db1", "http:ann", False),
        ("http", "http", False),  # without tokens nobody is known
        ("http", "cli:ann@db1", False),
        ("test", "test", True),
    ],
)
def test_a_name_is_a_person_wherever_they_ask_from(first: str, second: str, same: bool) -> None:
    assert same_person(first, second) == same_person(second, first) == same
