"""Honest progress: counts of what the cursors passed, a rate from a moving window, an ETA only when it can be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WINDOW_MS = 30_000
LEAST_WINDOW_MS = 1_000
MOST_INCOMPLETE = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows done at a moment (epoch ms), kept about once a second."""

    at_ms: int
    rows_done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    units_done: int
    units_total: int | None
    rows_done: int
    rows_written: int
    rows_total: int | None
    total_is_estimate: bool


def fraction(counts: Counts, *, complete: bool) -> float | None:
    """Share of rows that the cursors passed, 0..1; None before the totals are known.

    Rows and not units, because units are skewed; units where none has rows. Live inserts and estimates can push the
    count above the total, and what is passed may be quarantined or not yet verified, so 1 is said only of a run that is
    `complete`: it succeeded.
    """
    if complete:
        return 1.0
    if counts.rows_total is None:
        return None
    done, total = counts.rows_done, counts.rows_total
    if total == 0:
        done, total = counts.units_done, counts.units_total or 0
    return min(done / total, MOST_INCOMPLETE) if total else 0.0


def rows_per_second(samples: Sequence[Sample], now_ms: int) -> float | None:
    """Rate over the last half minute, or None when the window is too short or too old to say."""
    recent = [sample for sample in samples if sample.at_ms >= now_ms - WINDOW_MS]
    if len(recent) < 2:
        return None
    first, last = min(recent, key=lambda s: s.at_ms), max(recent, key=lambda s: s.at_ms)
    elapsed_ms = max(last.at_ms, now_ms if now_ms - last.at_ms > 2 * LEAST_WINDOW_MS else last.at_ms) - first.at_ms
    if elapsed_ms < LEAST_WINDOW_MS:
        return None
    return (last.rows_done - first.rows_done) * 1000 / elapsed_ms


def eta_seconds(counts: Counts, rate: float | None) -> float | None:
    """Seconds until the totals are reached at the present rate; None when either is unknown or the rate is nil."""
    if counts.rows_total is None or not rate or rate <= 0:
        return None
    return max(counts.rows_total - counts.rows_done, 0) / rate


def total_shown(total: int | None, done: int) -> int | None:
    """A total that was counted when the run was planned; rows and units that came since are passed as well."""
    return None if total is None else max(total, done)


def progress_document(
    counts: Counts, samples: Sequence[Sample], *, now_ms: int, moving: bool, complete: bool
) -> dict[str, Any]:
    """The `progress` object of a run's JSON. `moving`: rows are being worked on; no rate and no ETA otherwise."""
    rate = rows_per_second(samples, now_ms) if moving else None
    eta = eta_seconds(counts, rate)
    share = fraction(counts, complete=complete)
    return {
        "units_done": counts.units_done,
        "units_total": total_shown(counts.units_total, counts.units_done),
        "rows_done": counts.rows_done,
        "rows_written": counts.rows_written,
        "rows_total": total_shown(counts.rows_total, counts.rows_done),
        "total_is_estimate": counts.total_is_estimate,
        "fraction": None if share is None else round(share, 4),
        "rows_per_second": None if rate is None else round(rate, 1),
        "eta_seconds": None if eta is None else round(eta, 1),
    }
