"""When a run may work: within its window, and not before a moment. What is shown of it is what the store goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from backfill.runs.errors import UsageError
from backfill.runs.times import timestamp
from backfill.runs.window import DAYS, FOREVER_MS, Phase, window_of

NOW = "now"
MOST_PHASES = 24
FURTHEST_MS = 10 * 366 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`window` as `window_of` reads it, empty where there is none. `phases` are those that the store has: the one that
    it is in, or the next, and some after it."""

    window: str = ""
    not_before_ms: int | None = None
    phases: tuple[Phase, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.window) or self.not_before_ms is not None

    def phases_from(self, now_ms: int) -> tuple[Phase, ...]:
        """As they follow from the window, for about two weeks. Raises UsageError where its zone is not known here."""
        first_ms = self.not_before_ms or 0
        window = window_of(self.window)
        if window is None:
            return (Phase(opens_ms=first_ms, closes_ms=FOREVER_MS),)
        found = window.phases(max(now_ms, first_ms))
        cut = [Phase(opens_ms=max(one.opens_ms, first_ms), closes_ms=one.closes_ms) for one in found]
        return tuple(cut[:MOST_PHASES])

    def phase(self, now_ms: int) -> Phase | None:
        """The one that it is in, or else the next; None where the store has none."""
        return next((phase for phase in self.phases if now_ms < phase.closes_ms), None)

    def is_open(self, now_ms: int) -> bool:
        phase = self.phase(now_ms)
        return not self or (phase is not None and phase.opens_ms <= now_ms)

    def waits(self, now_ms: int) -> str:
        """Until when it does not work, in words; empty while it may."""
        if self.is_open(now_ms):
            return ""
        phase = self.phase(now_ms)
        if phase is None:
            return "outside its window"
        if phase.opens_ms == self.not_before_ms:
            return f"not to begin before {self.local_time(phase.opens_ms)}"
        return f"outside its window until {self.local_time(phase.opens_ms)}"

    def local_time(self, moment_ms: int) -> str:
        """`Mon 2026-11-30 22:00 Europe/Vienna`: by the clocks of the window."""
        zone = self.window.split()[-1] if self.window else "UTC"
        try:
            moment = datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(zone))
        except (ValueError, OSError, LookupError):
            zone, moment = "UTC", datetime.fromtimestamp(moment_ms / 1000, UTC)
        clock = moment.strftime("%H:%M:%S" if moment.second else "%H:%M")
        return f"{DAYS[moment.weekday()].capitalize()} {moment.date().isoformat()} {clock} {zone}"

    def words(self) -> str:
        """`only mon-fri 22:00-06:00 UTC, not before ...`; empty where it may work at any time."""
        after = "" if self.not_before_ms is None else f"not before {self.local_time(self.not_before_ms)}"
        return ", ".join(part for part in (f"only {self.window}" if self.window else "", after) if part)

    def document(self, now_ms: int) -> dict[str, Any]:
        phase, is_open = self.phase(now_ms), self.is_open(now_ms)
        until_ms = None if phase is None else phase.closes_ms if is_open else phase.opens_ms
        return {
            "window": self.window or None,
            "not_before": timestamp(self.not_before_ms),
            "open": is_open,
            "until": None if until_ms is None or until_ms >= FOREVER_MS else timestamp(until_ms),
            "waits": self.waits(now_ms) or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanges:
    """As somebody has typed them; None stays as it is. `always` and `now` take them away."""

    window: str | None = None
    not_before: str | None = None

    def __bool__(self) -> bool:
        return self.window is not None or self.not_before is not None

    def applied(self, schedule: Schedule, now_ms: int) -> Schedule:
        """Raises UsageError."""
        window, not_before_ms = schedule.window, schedule.not_before_ms
        if self.window is not None:
            window = str(window_of(self.window) or "")
        if self.not_before is not None:
            not_before_ms = moment_of(self.not_before, now_ms)
        return Schedule(window=window, not_before_ms=not_before_ms)


def moment_of(text: str, now_ms: int) -> int | None:
    """Epoch ms of a date, with or without a time; UTC where it does not say. None for `now`. Raises UsageError."""
    words = text.strip()
    if words.lower() in ("", NOW):
        return None
    try:
        moment = datetime.fromisoformat(words)
        moment_ms = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(f"{words[:40]!r} is no moment.", "Give one such as 2027-03-01T22:00+01:00, or now.") from None
    if not 0 < moment_ms - now_ms < FURTHEST_MS:
        raise UsageError(f"{words[:40]!r} is over, or years away.", "Give a moment to come, or now.")
    return moment_ms
