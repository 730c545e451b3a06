"""What the autopilot has seen, as lines over time with their limits."""

from __future__ import annotations

import re

from backfill.http.pages.trends import HEIGHT, WIDTH, Trend, trends_of
from backfill.runs.directive import Directive, Sighting
from backfill.runs.readings import Reading

MEBIBYTE = 1024.0 * 1024.0
AT_MS = 1_773_480_413_000


def seen(second: int, lag: float, *, stopped: str = "") -> Sighting:
    values = {"lag": (lag * MEBIBYTE, 8 * MEBIBYTE), "wal": (MEBIBYTE, None), "latency": (1.1, 1.25)}
    return Sighting(at_ms=AT_MS + second * 1_000, effort=1.5, stopped=stopped, values=values)


def drawn(*history: Sighting) -> dict[str, Trend]:
    trends = trends_of(history, lanes=4)
    assert trends is not None
    return {row.name: row for row in trends.rows}


def heights(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_each_has_its_latest_value_its_limit_and_the_most_it_was() -> None:
    rows = drawn(seen(0, 2), seen(1, 9, stopped="standbys"), seen(2, 4))

    assert {name: row.words for name, row in rows.items()} == {
        "Pace": "1.50 ranges, at most 4 ranges; the most was 1.50 ranges",
        "Latency": "1.10 times, at most 1.25 times; the most was 1.10 times",
        "Lag": "4.0 MiB, at most 8.0 MiB; the most was 9.0 MiB",
        "WAL": "1.0 MiB per second; the most was 1.0 MiB per second",
    }


def test_what_is_above_its_limit_is_drawn_above_its_line_and_a_stop_is_no_pace() -> None:
    rows = drawn(seen(0, 2), seen(1, 9, stopped="standbys"), seen(2, 4))
    limit_y = float(rows["Lag"].limit_line.removeprefix("M0 ").partition("H")[0])

    assert [y < limit_y for y in heights(rows["Lag"].line)] == [False, True, False]
    assert [y == HEIGHT for y in heights(rows["Pace"].line)] == [False, True, False]
    assert rows["Lag"].limit_line.endswith(f"H{WIDTH}")
    assert rows["WAL"].limit_line == ""


def test_where_nobody_looked_the_line_has_a_gap() -> None:
    rows = drawn(seen(0, 2), seen(1, 2), seen(60, 2), seen(61, 2))

    assert [point[0] for point in re.findall(r"[ML][\d.]+ [\d.]+", rows["Lag"].line)] == ["M", "L", "M", "L"]


def test_too_little_to_draw_is_not_drawn() -> None:
    assert trends_of([seen(0, 2)], lanes=1) is None


def test_of_several_standbys_and_slots_the_one_nearest_to_its_limit_is_drawn() -> None:
    readings = [
        Reading(signal="standbys", about="near", value=4.0, limit=8.0, unit="bytes"),
        Reading(signal="slots", about="worst", value=12.0, limit=16.0, unit="bytes"),
        Reading(signal="slots", about="share", value=0.9, limit=0.5, unit="share"),
        Reading(signal="standbys", about="blind", unread="gone", unit="bytes"),
    ]

    assert Directive(effort=1.0, runs=1, readings=readings).charted == {"lag": (12.0, 16.0)}
