"""The operator's limits and checks, as they are written on a command line, in the environment and in a TOML file."""

from __future__ import annotations

import pytest

from backfill.runs.errors import SettingsError, UsageError
from backfill.runs.limits import DEFAULT_LIMITS, MEANINGS, known_signal, limit_of
from backfill.runs.readings import Reading, in_words
from backfill.settings import load_settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("standby_bytes=64MiB", 64 * 1024 * 1024),
        ("database_bytes = 2 TiB", 2 * 1024**4),
        ("connections_share=80%", 0.8),
        ("waiting_seconds=0", 0),
    ],
)
def test_a_limit_is_a_name_and_a_number_with_a_unit(text: str, value: float) -> None:
    assert limit_of(text) == (text.partition("=")[0].strip(), value)


@pytest.mark.parametrize("text", ["standby_bytes", "standby_bytes=much", "standby_bytes=-1", "nothing=1", "", "=1"])
def test_what_is_no_limit_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(UsageError, match="is no limit"):
        limit_of(text)


def test_every_limit_has_a_meaning_and_a_default() -> None:
    assert MEANINGS.keys() == DEFAULT_LIMITS.keys()


def test_a_signal_is_known_by_its_name_and_a_check_by_its_beginning() -> None:
    assert (known_signal("standbys"), known_signal("check-disk")) == ("standbys", "check-disk")
    with pytest.raises(UsageError, match="is no signal"):
        known_signal("standby")


@pytest.mark.usefixtures("bare_environment")
def test_limits_and_checks_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFILL_LIMITS", "standby_bytes=1MiB, frozen_transactions=5")
    monkeypatch.setenv("BACKFILL_CHECKS", '[{"name": "disk", "url": "http://host/free", "limit": 3}]')
    monkeypatch.setenv("BACKFILL_SIGNALS_OFF", "wal, check-disk")
    settings = load_settings()

    assert settings.limits == {"standby_bytes": 1024 * 1024, "frozen_transactions": 5}
    assert [(check.name, check.url, check.limit) for check in settings.checks] == [("disk", "http://host/free", 3)]
    assert settings.signals_off == ("wal", "check-disk")


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BACKFILL_LIMITS", "standby=1", "is no limit"),
        ("BACKFILL_SIGNALS_OFF", "standby", "is no signal"),
        ("BACKFILL_CHECKS", '[{"name": "both", "url": "http://a", "sql": "SELECT 1"}]', "either sql or url"),
        ("BACKFILL_PACE", "reckless", "autopilot"),
    ],
)
def test_a_mistake_in_them_is_told_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert name in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(None, "", "unknown"), (1024.0 * 1024, "bytes", "1.0 MiB"), (0.5, "share", "50%"), (1.25, "times", "1.25 times")],
)
def test_values_are_told_in_their_unit(value: float | None, unit: str, words: str) -> None:
    assert in_words(value, unit) == words


def test_what_cannot_be_read_stops_unless_it_only_warns() -> None:
    assert Reading(signal="a", unread="why").stops
    assert not Reading(signal="a", unread="why", warns=True).stops
    assert not Reading(signal="a", value=1.0, limit=1.0).stops
    assert Reading(signal="a", value=1.1, limit=1.0).stops
