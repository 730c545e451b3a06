"""What a failed batch means, by SQLSTATE."""

from __future__ import annotations

import pytest

from backfill.runs.failures import Failure, classify


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("55P03", Failure.CONTENTION),
        ("40001", Failure.CONTENTION),
        ("40P01", Failure.CONTENTION),
        ("57014", Failure.TIMEOUT),
        ("25P04", Failure.TIMEOUT),
        ("57P01", Failure.CONNECTION),
        ("08006", Failure.CONNECTION),
        ("53300", Failure.SERVER),
        ("25006", Failure.SERVER),
        ("53100", Failure.SERVER),
        ("42703", Failure.SCHEMA),
        ("42P01", Failure.SCHEMA),
        ("23514", Failure.ROW),
        ("22003", Failure.ROW),
        ("P0001", Failure.ROW),
    ],
)
def test_an_sqlstate_means(sqlstate: str, expected: Failure) -> None:
    assert classify(sqlstate, connection_lost=False) is expected


def test_a_lost_connection_need_not_have_an_sqlstate() -> None:
    assert classify(None, connection_lost=True) is Failure.CONNECTION


def test_a_row_is_blamed_only_when_the_connection_stands() -> None:
    assert classify("23514", connection_lost=True) is Failure.CONNECTION
