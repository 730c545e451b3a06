"""The report of the benchmarks: what is met, what is not, and what was left out."""

from __future__ import annotations

import pytest

from benchmarks.goals import Goal
from benchmarks.report import markdown


@pytest.mark.parametrize(
    ("goal", "met", "wanted"),
    [
        (Goal(what="a ratio", value=0.96, least=0.95), True, "at least 0.95"),
        (Goal(what="a ratio", value=0.94, least=0.95), False, "at least 0.95"),
        (Goal(what="a size", value=81, most=80), False, "at most 80"),
        (Goal(what="a rival", value=3), None, ""),
    ],
)
def test_a_goal_says_whether_it_is_met(goal: Goal, *, met: bool | None, wanted: str) -> None:
    assert (goal.met, goal.wanted) == (met, wanted)


def test_the_table_has_a_row_for_each_goal_and_names_what_was_left_out() -> None:
    goals = [Goal(what="a size", value=81, most=80).document(), Goal(what="a rival", value=3).document()]
    benchmarks = [{"name": "scaling", "goals": goals}, {"name": "peers", "skipped": "There is no Python."}]
    about = {"on": "Linux", "cores": 2, "python": "3.12", "at": "2026-01-01", "share": 1.0, "load": 0.1}

    told = markdown({**about, "benchmarks": benchmarks})

    assert "| a size | 81.00 | at most 80 | **no** | `benchmarks.scaling` |" in told
    assert "| a rival | 3.00 |  |  | `benchmarks.scaling` |" in told
    assert "`peers` was left out: There is no Python." in told
