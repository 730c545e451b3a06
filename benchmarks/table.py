"""The table and the two claims, for a reader and for a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.measuring import Summary
from benchmarks.ways import RUN

MIB = 1024 * 1024
MOST_VERIFYING = 0.15
LEAST_AGAIN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    text: str
    ratio: float
    holds: bool


def claims(summaries: Sequence[Summary]) -> tuple[Claim, ...]:
    """Told and not enforced: a busy machine is no reason to fail a build."""
    ours = next(summary for summary in summaries if summary.way == RUN)
    return (
        Claim(
            text="our run takes no longer than the best single transaction",
            ratio=ours.seconds_ratio,
            holds=ours.seconds_ratio <= 1,
        ),
        Claim(
            text="our run writes less WAL than the best single transaction",
            ratio=ours.wal_ratio,
            holds=ours.wal_ratio < 1,
        ),
        Claim(
            text=f"verification takes at most {MOST_VERIFYING:.0%} of the time that our run does",
            ratio=ours.verifying_ratio or 0.0,
            holds=(ours.verifying_ratio or 0.0) <= MOST_VERIFYING,
        ),
        Claim(
            text=f"a second run is at least {LEAST_AGAIN} times as fast",
            ratio=ours.again_times or 0.0,
            holds=(ours.again_times or 0.0) >= LEAST_AGAIN,
        ),
    )


def document(summaries: Sequence[Summary], rounds: int) -> dict[str, object]:
    return {
        "rounds": rounds,
        "ways": [asdict(summary) for summary in summaries],
        "claims": [asdict(claim) for claim in claims(summaries)],
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
    for claim in claims(summaries):
        verdict = ("holds", "green") if claim.holds else ("does not hold", "red")
        console.print(Text.assemble(verdict, f": {claim.text} ({claim.ratio:.2f})"))


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
