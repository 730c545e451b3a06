"""Hours of days of the week in a time zone in which a run may work. Pure: what the time is, is given.

They are wall-clock time. Hours over midnight belong to the day on which they begin. Where clocks are set forward, a
time that does not exist is the moment at which they are; where they are set back, one that there is twice is the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from backfill.runs.errors import UsageError

ALWAYS = "always"
# The last moment that there is: a phase that ends then has no end.
FOREVER_MS = 8_640_000_000_000_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_TEXT = 300
MOST_PARTS = 10
EXAMPLE = "mon-fri 22:00-06:00, sat-sun 00:00-24:00 Europe/Vienna"
# In two weeks every window opens: once a week at least, but for the one that a change of clocks takes away.
_LOOK_AHEAD_DAYS = 16
_DAY_MINUTES = 24 * 60
_PART = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))? )?"
    r"(?P<opens>[0-9]{2}:[0-9]{2})-(?P<closes>[0-9]{2}:[0-9]{2})(?: (?P<zone>\S+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """From when until when it may work, in epoch ms; the last of them is not part of it any more."""

    opens_ms: int
    closes_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Of days of the week, 0 is Monday, in minutes of the day. `closes` not after `opens`: on the next day."""

    days: tuple[int, ...]
    opens: int
    closes: int

    def __str__(self) -> str:
        hours = f"{_clock(self.opens)}-{_clock(self.closes)}"
        first, last = DAYS[self.days[0]], DAYS[self.days[-1]]
        days = first if len(self.days) == 1 else f"{first}-{last}"
        return hours if len(self.days) == len(DAYS) else f"{days} {hours}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    hours: tuple[Hours, ...]
    zone: str = "UTC"

    def __str__(self) -> str:
        """As `window_of` reads it."""
        return f"{', '.join(map(str, self.hours))} {self.zone}"

    def phases(self, from_ms: int) -> Iterator[Phase]:
        """Those of the next two weeks that are not over, in order; what meets is one."""
        zone = ZoneInfo(self.zone)
        first = datetime.fromtimestamp(from_ms / 1000, zone).date() - timedelta(days=2)
        days = (first + timedelta(days=count) for count in range(_LOOK_AHEAD_DAYS + 2))
        found = [_phase(one, day, zone) for day in days for one in self.hours if day.weekday() in one.days]
        return (phase for phase in _joined(found) if phase.closes_ms > from_ms)


@lru_cache(maxsize=256)
def window_of(text: str) -> Window | None:
    """None for `always`, or nothing. Raises UsageError with how one is written."""
    words = " ".join(text.split())
    if words.lower() in ("", ALWAYS):
        return None
    parts = [part.strip() for part in words.split(",")]
    if len(words) > LONGEST_TEXT or len(parts) > MOST_PARTS:
        raise _refused(words, f"it has more than {MOST_PARTS} parts or {LONGEST_TEXT} characters")
    *earlier, last = [_part(part, words) for part in parts]
    if any(zone for _, zone in earlier):
        raise _refused(words, "the time zone comes once, at the end")
    zone = last[1] or "UTC"
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        raise _refused(words, f"{zone} is no time zone that this machine knows") from None
    return Window(hours=tuple(hours for hours, _ in (*earlier, last)), zone=zone)


def _part(part: str, whole: str) -> tuple[Hours, str]:
    found = _PART.fullmatch(part)
    if not found:
        raise _refused(whole, f"{part!r} has no hours such as 22:00-06:00")
    first = (found["first"] or DAYS[0]).lower()
    last = (found["last"] or found["first"] or DAYS[-1]).lower()
    if not {first, last} <= set(DAYS):
        raise _refused(whole, f"the days are {', '.join(DAYS)}")
    opens, closes = _minutes(found["opens"], whole), _minutes(found["closes"], whole)
    if opens in (closes, _DAY_MINUTES):
        raise _refused(whole, "hours have to end at another time than they begin; a whole day is 00:00-24:00")
    begins = DAYS.index(first)
    days = (DAYS.index(last) - begins) % len(DAYS) + 1
    wanted = tuple((begins + step) % len(DAYS) for step in range(days))
    return Hours(days=wanted, opens=opens, closes=closes), found["zone"] or ""


def _minutes(clock: str, whole: str) -> int:
    hour, minute = map(int, clock.split(":"))
    if minute > 59 or hour * 60 + minute > _DAY_MINUTES:
        raise _refused(whole, f"{clock} is no time of a day")
    return hour * 60 + minute


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _refused(text: str, why: str) -> UsageError:
    return UsageError(f"{text[:80]!r} is no window: {why}.", f"Give one such as {EXAMPLE!r}, or {ALWAYS}.")


def _phase(hours: Hours, day: date, zone: ZoneInfo) -> Phase:
    next_day = hours.closes <= hours.opens
    return Phase(
        opens_ms=_moment(day, hours.opens, zone),
        closes_ms=_moment(day + timedelta(days=next_day), hours.closes, zone),
    )


def _moment(day: date, minutes: int, zone: ZoneInfo) -> int:
    """Epoch ms of a time on the wall."""
    days, rest = divmod(minutes, _DAY_MINUTES)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=zone)
    by_offset_before, by_offset_after = (round(wall.replace(fold=fold).timestamp()) for fold in (0, 1))
    if by_offset_before <= by_offset_after:
        return by_offset_before * 1000
    # There is no such time: clocks were set forward between the two.
    before, after = by_offset_after, by_offset_before
    offset = datetime.fromtimestamp(before, zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        is_before = datetime.fromtimestamp(middle, zone).utcoffset() == offset
        before, after = (middle, after) if is_before else (before, middle)
    return after * 1000


def _joined(phases: list[Phase]) -> Iterator[Phase]:
    current: Phase | None = None
    for phase in sorted(phases, key=lambda one: one.opens_ms):
        if phase.closes_ms <= phase.opens_ms:
            continue  # a change of clocks has taken it away
        if current is None:
            current = phase
        elif phase.opens_ms <= current.closes_ms:
            current = Phase(opens_ms=current.opens_ms, closes_ms=max(current.closes_ms, phase.closes_ms))
        else:
            yield current
            current = phase
    if current is not None:
        yield current
