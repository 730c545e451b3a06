from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from backfill.runs.errors import SettingsError
from backfill.settings import Settings, describe_settings, load_settings

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("bare_environment")


def message_of_the_mistakes() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()

    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.parallel == 1


def test_variables_set_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:secret@db:5432/codebegen")
    monkeypatch.setenv("REDIS_URL", "redis://:secret@cache:6379/0")
    monkeypatch.setenv("BACKFILL_BATCH_ROWS", "250")
    monkeypatch.setenv("BACKFILL_LOG_LEVEL", "debug")

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://app:secret@db:5432/codebegen"
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:secret@cache:6379/0"
    assert settings.batch_rows == 250
    assert settings.log_level == "DEBUG"


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BACKFILL_PARALLEL=3\nBACKFILL_PAUSE_MS=7\nSOME_OTHER_PROGRAM=1\n", encoding="utf-8")
    monkeypatch.setenv("BACKFILL_PARALLEL", "5")

    settings = load_settings()

    assert (settings.parallel, settings.pause_ms) == (5, 7)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("BACKFILL_PARALLEL", "")

    settings = load_settings()

    assert settings.database_url is None
    assert settings.parallel == 1


def test_all_mistakes_are_told_at_once_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BACKFILL_BATCH_ROW=3\n", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL", "mysql://app@db/codebegen")
    monkeypatch.setenv("BACKFILL_PARALLEL", "99")
    monkeypatch.setenv("BACKFILL_LOG_FORMAT", "xml")

    message = message_of_the_mistakes()

    assert message.startswith("4 settings")
    assert "DATABASE_URL: begins with mysql://, not with postgresql://" in message
    assert "BACKFILL_PARALLEL: input should be less than or equal to 64, not '99'" in message
    assert "BACKFILL_LOG_FORMAT: input should be 'auto', 'console' or 'json', not 'xml'" in message
    assert "BACKFILL_BATCH_ROW: no such setting; did you mean BACKFILL_BATCH_ROWS?" in message


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("BACKFILL_PARALEL", "BACKFILL_PARALLEL"),
        ("BACKFILL_DATABASE_URL", "DATABASE_URL"),
        ("BACKFILL_REDISURL", "REDIS_URL"),
    ],
)
def test_a_misspelt_variable_is_a_mistake(name: str, suggestion: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "5")

    assert f"{name}: no such setting; did you mean {suggestion}?" in message_of_the_mistakes()


def test_a_strange_name_gets_no_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFILL_QQQQ", "5")

    assert "BACKFILL_QQQQ: no such setting." in message_of_the_mistakes()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://app:hunter2@db/x",
        "postgresql://app:hunter2@db:port/x",
        "postgresql://app:hunter2/with/slash@db/x",
        "postgresql://app:hunter2@[db/x",
        "hunter2",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert "DATABASE_URL: " in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_url_in_the_wrong_variable_keeps_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFILL_REDIS_PREFIX", "redis://:hunter2@cache:6379/0")

    message = message_of_the_mistakes()

    assert "redis://:***@cache:6379/0" in message
    assert "hunter2" not in message


def test_a_call_outlives_the_statement_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFILL_DATABASE_TIMEOUT_SECONDS", "5")
    monkeypatch.setenv("BACKFILL_STATEMENT_TIMEOUT_MS", "5000")

    assert "BACKFILL_DATABASE_TIMEOUT_SECONDS: must be longer" in message_of_the_mistakes()


def test_an_env_file_that_is_no_text_is_told() -> None:
    Path(".env").write_bytes(b"BACKFILL_PARALLEL=\xff\xfe\n")

    assert message_of_the_mistakes().startswith("The file .env cannot be read")


def test_settings_neither_change_nor_show_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter2@db/codebegen")
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.parallel = 3  # type: ignore[misc]  # what mypy refuses is what the test is about

    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_every_setting_says_what_it_does_and_what_it_takes() -> None:
    numbers = {int, float}

    for line in describe_settings():
        field_name = line.name.removeprefix("BACKFILL_").lower()
        is_number = Settings.model_fields[field_name].annotation in numbers

        assert line.description.endswith("."), line.name
        assert not is_number or re.fullmatch(r"[\d.]+ to [\d.]+", line.allowed), line.name


def test_the_example_file_has_every_setting_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert re.findall(r"^#(\w+)=(.*)$", example, re.MULTILINE) == [
        (line.name, line.default) for line in describe_settings()
    ]
