"""DATABASE_URL and REDIS_URL from files: what they set, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.runs.errors import SettingsError
from backfill.settings import load_settings

DATABASE_URL = "postgresql://app:hunter2@db:5432/codebegen"
REDIS_URL = "redis://:hunter2@cache:6379/0"


pytestmark = pytest.mark.usefixtures("bare_environment")


def message_of_the_mistakes() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_both_urls_can_be_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("database_url").write_text(f"{DATABASE_URL}\n", encoding="utf-8")
    Path("redis_url").write_text(REDIS_URL, encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL_FILE", "database_url")
    monkeypatch.setenv("REDIS_URL_FILE", "redis_url")

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == DATABASE_URL
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == REDIS_URL
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_the_env_file_can_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("database_url").write_text(DATABASE_URL, encoding="utf-8")
    Path(".env").write_text("DATABASE_URL_FILE=database_url\n", encoding="utf-8")

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == DATABASE_URL


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_url_and_a_file_for_it_are_a_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL}[name]
    Path("url").write_text(url, encoding="utf-8")
    monkeypatch.setenv(name, url)
    monkeypatch.setenv(f"{name}_FILE", "url")

    assert f"{name}_FILE: {name} is set as well; remove one of the two." in message_of_the_mistakes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the file cannot be read: No such file or directory."),
        (b"", "the file is empty."),
        (b" \n", "the file is empty."),
        (b"postgresql://app:hunter2@db/\xff", "the file cannot be read: it is not UTF-8 text."),
        (b"mysql://app:hunter2@db/codebegen", "begins with mysql://, not with postgresql://"),
        (b"postgresql://app:hunter2@db:port/codebegen", "cannot be read as a URL"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_by_the_variables_name(
    content: bytes | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        Path("url").write_bytes(content)
    monkeypatch.setenv("DATABASE_URL_FILE", "url")

    assert f"DATABASE_URL_FILE: {reason}" in message_of_the_mistakes()


def test_a_secret_where_a_files_name_belongs_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", DATABASE_URL)

    message = message_of_the_mistakes()

    assert "DATABASE_URL_FILE: the file cannot be read: No such file or directory" in message
