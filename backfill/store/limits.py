"""What the store is told to bear: how many failures, how long a silence, for how long a run is kept."""

from __future__ import annotations

from dataclasses import dataclass

# Longer than the slowest single step of a worker, which is a page of verification.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """More than `quarantine_share` of the units passed (and at least 20) in quarantine pauses a run; one of which
    nothing moves for `patience_seconds` has stalled; `keep_days` after its end it is forgotten, 0: never.
    One that is held up for `throttled_seconds` is told to the `readers` of the outbox."""

    quarantine_share: float = 0.05
    patience_seconds: float = PATIENCE_SECONDS
    keep_days: int = 0
    throttled_seconds: float = 300.0
    readers: tuple[str, ...] = ("hooks",)


DEFAULT_LIMITS = StoreLimits()
