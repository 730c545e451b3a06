"""The table of the ways and what our run is to reach, for a reader and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal, show_goals
from benchmarks.measuring import Summary
from benchmarks.ways import FLOOR, ONE_SHOT, RUN

MIB = 1024 * 1024


def goals(summaries: Sequence[Summary]) -> tuple[Goal, ...]:
    ours, one_shot, floor = (next(one for one in summaries if one.way == way) for way in (RUN, ONE_SHOT, FLOOR))
    found = [
        Goal(what="one-shot migration: seconds, to our run's", value=one_shot.seconds / ours.seconds),
        Goal(what="our run: seconds, to the best single transaction's", value=ours.seconds_ratio, most=1),
        Goal(what="our run: WAL, to the best single transaction's", value=ours.wal_ratio, most=1),
        Goal(what="our run: seconds, to those of the same rows set to constants", value=ours.seconds / floor.seconds),
    ]
    if ours.verifying_ratio is not None:
        found.append(
            Goal(what="verification: seconds, to those of the run before it", value=ours.verifying_ratio, most=0.15)
        )
    if ours.again_times is not None and ours.again_wal_bytes is not None:
        found.append(
            Goal(what="second run: times as fast as the first, both verified", value=ours.again_times, least=10)
        )
        found.append(Goal(what="second run: WAL, to the first one's", value=ours.again_wal_bytes / ours.wal_bytes))
    return tuple(found)


def document(summaries: Sequence[Summary], rounds: int) -> dict[str, object]:
    return {
        "rounds": rounds,
        "ways": [asdict(summary) for summary in summaries],
        "goals": [goal.document() for goal in goals(summaries)],
    }


def show(console: Console, summaries: Sequence[Summary], *, title: str, rows: int) -> None:
    table = Table(title=title)
    table.add_column("way")
    for name in ("seconds", "range", "rows/s", "WAL MiB", "WAL/row", "HOT", "growth MiB", "time/b", "WAL/b"):
        table.add_column(name, justify="right")
    for summary in summaries:
        table.add_row(*_cells(summary, rows))
    console.print(table)
    for summary in summaries:
        if summary.verifying_seconds is not None:
            console.print(f"Verification of {summary.way.split('  ')[1]} took {summary.verifying_seconds:.2f} s more.")
        if summary.again_seconds is not None and summary.again_wal_bytes is not None:
            wal = f"{summary.again_wal_bytes / 1024:,.0f} KiB of WAL"
            console.print(f"A second run took {summary.again_seconds:.2f} s, verified, and {wal}.")
    show_goals(console, goals(summaries))


def _cells(summary: Summary, rows: int) -> tuple[str, ...]:
    return (
        summary.way,
        f"{summary.seconds:.2f}",
        f"{summary.fastest_seconds:.2f}-{summary.slowest_seconds:.2f}",
        f"{rows / summary.seconds:,.0f}",
        f"{summary.wal_bytes / MIB:.1f}",
        f"{summary.wal_bytes / rows:,.0f}",
        f"{summary.hot_share:.0%}",
        f"{summary.growth_bytes / MIB:.1f}",
        f"{summary.seconds_ratio:.2f}",
        f"{summary.wal_ratio:.2f}",
    )
