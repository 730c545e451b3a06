"""Windows by a clock that is given: days, midnight, changes of clocks, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.runs.errors import UsageError
from backfill.runs.schedule import Schedule, ScheduleChanges, moment_of
from backfill.runs.window import DAYS, FOREVER_MS, Phase, window_of

VIENNA = "Europe/Vienna"
NIGHTS = "mon-fri 22:00-06:00"


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def phases(window: str, at: str, count: int = 1) -> list[tuple[str, str]]:
    """The first ones from that moment on, in UTC."""
    found = Schedule(window=window).phases_from(ms(at))
    assert len(found) >= count

    def utc(moment_ms: int) -> str:
        return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")

    return [(utc(one.opens_ms), utc(one.closes_ms)) for one in found[:count]]


@pytest.mark.parametrize(
    ("window", "at", "opens", "closes"),
    [
        # 2026-11-27 is a Friday, and Vienna one hour ahead of UTC.
        (f"{NIGHTS} {VIENNA}", "2026-11-27T20:59", "2026-11-27 21:00", "2026-11-28 05:00"),
        (f"{NIGHTS} {VIENNA}", "2026-11-28T04:59:59.999", "2026-11-27 21:00", "2026-11-28 05:00"),
        (f"{NIGHTS} {VIENNA}", "2026-11-28T05:00", "2026-11-30 21:00", "2026-12-01 05:00"),
        ("fri 22:00-06:00", "2026-11-28T01:00", "2026-11-27 22:00", "2026-11-28 06:00"),
        ("sat 22:00-06:00", "2026-11-28T01:00", "2026-11-28 22:00", "2026-11-29 06:00"),
        ("sun-mon 01:00-02:00", "2026-11-28T01:00", "2026-11-29 01:00", "2026-11-29 02:00"),
        ("09:00-17:00 America/New_York", "2026-11-28T12:00", "2026-11-28 14:00", "2026-11-28 22:00"),
        ("09:00-00:00", "2026-11-28T12:00", "2026-11-28 09:00", "2026-11-29 00:00"),
        # What meets is one: Friday night and the weekend.
        ("fri 20:00-24:00, sat-sun 00:00-24:00", "2026-11-28T12:00", "2026-11-27 20:00", "2026-11-30 00:00"),
        ("fri 20:00-02:00, sat 01:00-03:00", "2026-11-27T21:00", "2026-11-27 20:00", "2026-11-28 03:00"),
    ],
)
def test_a_window_opens_and_closes_by_the_clocks_of_its_zone(window: str, at: str, opens: str, closes: str) -> None:
    assert phases(window, at) == [(opens, closes)]


@pytest.mark.parametrize(
    ("window", "at", "expected"),
    [
        # 2027-03-28, 02:00 becomes 03:00: an hour less.
        ("22:00-06:00", "2027-03-27T22:00", [("2027-03-27 21:00", "2027-03-28 04:00")]),
        ("02:30-04:00", "2027-03-28T00:00", [("2027-03-28 01:00", "2027-03-28 02:00")]),
        ("22:00-02:30", "2027-03-27T22:00", [("2027-03-27 21:00", "2027-03-28 01:00")]),
        ("02:15-02:45", "2027-03-28T00:00", [("2027-03-29 00:15", "2027-03-29 00:45")]),
        # 2026-10-25, 03:00 becomes 02:00: an hour more, and two times between 2 and 3.
        ("22:00-06:00", "2026-10-24T22:00", [("2026-10-24 20:00", "2026-10-25 05:00")]),
        ("02:30-04:00", "2026-10-24T23:00", [("2026-10-25 00:30", "2026-10-25 03:00")]),
        ("22:00-02:30", "2026-10-24T22:00", [("2026-10-24 20:00", "2026-10-25 00:30")]),
        ("02:15-02:45", "2026-10-24T23:00", [("2026-10-25 00:15", "2026-10-25 00:45")]),
    ],
)
def test_changes_of_clocks_move_what_they_must_and_nothing_opens_twice(
    window: str, at: str, expected: list[tuple[str, str]]
) -> None:
    assert phases(f"{window} {VIENNA}", at, len(expected)) == expected


def test_a_weekly_hour_that_a_change_of_clocks_takes_away_opens_a_week_later() -> None:
    # Where 02:15 does not exist on that Sunday.
    assert phases(f"sun 02:15-02:45 {VIENNA}", "2027-03-21T02:00") == [("2027-04-04 00:15", "2027-04-04 00:45")]


@given(
    day=st.sampled_from(DAYS),
    opens=st.integers(0, 95),
    lasts=st.integers(1, 95),
    zone=st.sampled_from([VIENNA, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    at=st.integers(ms("2026-01-01"), ms("2028-01-01")),
)
def test_phases_are_ahead_in_order_apart_and_as_the_wall_shows(
    day: str, opens: int, lasts: int, zone: str, at: int
) -> None:
    minutes = [opens * 15, (opens + lasts) * 15 % 1440]
    text = f"{day} {'-'.join(f'{one // 60:02}:{one % 60:02}' for one in minutes)} {zone}"
    window = window_of(text)
    assert window is not None
    assert window_of(str(window)) == window

    found = Schedule(window=text).phases_from(at)

    assert found
    assert found[0].closes_ms > at
    edges = [edge for phase in found for edge in (phase.opens_ms, phase.closes_ms)]
    assert edges == sorted(set(edges))
    for phase in found:
        begins = datetime.fromtimestamp(phase.opens_ms / 1000, ZoneInfo(zone))
        assert DAYS[begins.weekday()] == day
        assert begins.hour * 60 + begins.minute >= minutes[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("whenever", "has no hours such as 22:00-06:00"),
        ("mon-fri", "has no hours"),
        ("22-06", "has no hours"),
        ("25:00-06:00", "25:00 is no time of a day"),
        ("24:01-06:00", "24:01 is no time of a day"),
        ("22:60-06:00", "22:60 is no time of a day"),
        ("22:00-22:00", "a whole day is 00:00-24:00"),
        ("24:00-06:00", "a whole day is 00:00-24:00"),
        ("mon-xyz 22:00-06:00", "the days are mon, tue,"),
        ("22:00-06:00 Europe/Atlantis", "Europe/Atlantis is no time zone that this machine knows"),
        ("22:00-06:00 ../../etc/passwd", "is no time zone that this machine knows"),
        ("22:00-06:00 UTC, 09:00-10:00", "the time zone comes once, at the end"),
        (", ".join(["22:00-06:00"] * 11), "more than 10 parts"),
    ],
)
def test_what_is_no_window_is_told_why_and_how_one_is_written(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=r"Give one such as 'mon-fri 22:00-06:00,") as refused:
        window_of(text)

    assert why in str(refused.value)


def test_a_window_is_kept_in_one_way_of_writing() -> None:
    kept = str(window_of("  Mon-FRI   22:00-06:00 ,sat-sun 00:00-24:00   Europe/Vienna "))

    assert kept == "mon-fri 22:00-06:00, sat-sun 00:00-24:00 Europe/Vienna"
    assert (window_of("always"), window_of(" ")) == (None, None)


def shown(schedule: Schedule, at: str) -> Schedule:
    """As the store keeps it."""
    return Schedule(window=schedule.window, not_before_ms=schedule.not_before_ms, phases=schedule.phases_from(ms(at)))


def test_a_moment_before_the_window_opens_is_in_words() -> None:
    schedule = shown(Schedule(window=str(window_of(f"{NIGHTS} {VIENNA}"))), "2026-11-28T12:00")

    assert schedule.waits(ms("2026-11-28T12:00")) == "outside its window until Mon 2026-11-30 22:00 Europe/Vienna"
    assert schedule.document(ms("2026-11-28T12:00")) == {
        "window": f"{NIGHTS} {VIENNA}",
        "not_before": None,
        "open": False,
        "until": "2026-11-30T21:00:00.000Z",
        "waits": "outside its window until Mon 2026-11-30 22:00 Europe/Vienna",
    }
    assert schedule.waits(ms("2026-11-30T21:00")) == ""
    assert schedule.document(ms("2026-11-30T21:00"))["until"] == "2026-12-01T05:00:00.000Z"
    assert not schedule.is_open(ms("2026-12-01T05:00"))


def test_not_before_is_a_moment_by_itself_and_cuts_a_window() -> None:
    alone = shown(Schedule(not_before_ms=ms("2026-12-01T23:00")), "2026-11-28T12:00")
    both = shown(Schedule(window="22:00-06:00 UTC", not_before_ms=ms("2026-12-01T23:00")), "2026-11-28T12:00")

    assert alone.waits(ms("2026-11-28T12:00")) == "not to begin before Tue 2026-12-01 23:00 UTC"
    assert alone.phases == (Phase(opens_ms=ms("2026-12-01T23:00"), closes_ms=FOREVER_MS),)
    assert (alone.is_open(ms("2026-12-01T23:00")), alone.document(ms("2030-01-01"))["until"]) == (True, None)
    assert both.phases[0] == Phase(opens_ms=ms("2026-12-01T23:00"), closes_ms=ms("2026-12-02T06:00"))


def test_changes_leave_what_is_not_given_and_take_away_what_is_unsaid() -> None:
    now = ms("2026-11-28T12:00")
    first = ScheduleChanges(window="mon 09:00-17:00", not_before="2026-12-01T10:00+01:00").applied(Schedule(), now)
    later = ScheduleChanges(not_before="now").applied(first, now)

    assert first == Schedule(window="mon 09:00-17:00 UTC", not_before_ms=ms("2026-12-01T09:00"))
    assert later == Schedule(window="mon 09:00-17:00 UTC")
    assert not ScheduleChanges(window="always").applied(later, now)


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "2026-11-28T11:59", "2126-01-01", "99999"])
def test_what_is_no_moment_to_come_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment_of(text, ms("2026-11-28T12:00"))
