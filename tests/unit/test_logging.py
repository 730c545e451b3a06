from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from backfill.late_logging import setup_logging_when_needed
from backfill.logging import _OneFormHandler, setup_logging
from backfill.masking import mask_passwords

TOKEN = "bf_" + "aB3-_" * 8 + "xyz"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Puts the root logger and structlog back, which belong to the whole process; what other tests set up is away."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = [handler for handler in handlers if not isinstance(handler, _OneFormHandler)]
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def written_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log_a_failure(logger: Any, url: str) -> None:
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError:
        logger.exception("connection lost", server={"url": url})


def test_our_messages_are_json_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    setup_logging("INFO", "auto", stream=stream)

    structlog.get_logger("backfill.engine").info("batch done", rows=12)

    (line,) = written_lines(stream)
    assert list(line) == ["timestamp", "level", "logger", "event", "rows"]
    assert (line["level"], line["logger"], line["event"], line["rows"]) == ("info", "backfill.engine", "batch done", 12)
    assert line["timestamp"].endswith("Z")


def test_a_terminal_gets_lines_for_a_person() -> None:
    stream = Terminal()
    setup_logging("INFO", "auto", stream=stream)

    structlog.get_logger("backfill.engine").info("batch done", rows=12)

    assert "batch done" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_line_for_a_person_has_the_time_the_words_and_what_is_not_as_usual() -> None:
    stream = io.StringIO()
    setup_logging("INFO", "console", stream=stream)

    logging.getLogger("backfill.alembic.online_ddl").info("adding columns to projects")
    logging.getLogger("backfill.alembic.online_ddl").warning("waiting for projects")

    usual, warning = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d adding columns to projects", usual)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[warning *\] waiting for projects", warning)


def test_colors_need_a_terminal() -> None:
    stream = io.StringIO()
    setup_logging("INFO", "console", stream=stream)

    structlog.get_logger("backfill.engine").warning("batch done")

    assert "\x1b" not in stream.getvalue()


def test_libraries_write_the_same_form() -> None:
    stream = io.StringIO()
    logging.getLogger("arq").addHandler(logging.StreamHandler(io.StringIO()))
    setup_logging("INFO", "json", stream=stream)

    logging.getLogger("arq.worker").warning("job %s expired", "a1")

    (line,) = written_lines(stream)
    assert (line["logger"], line["event"]) == ("arq.worker", "job a1 expired")
    assert logging.getLogger("arq").handlers == []


def test_the_level_holds_for_both() -> None:
    stream = io.StringIO()
    setup_logging("WARNING", "json", stream=stream)

    structlog.get_logger("backfill.engine").info("batch done")
    logging.getLogger("alembic.runtime.migration").info("running upgrade")

    assert stream.getvalue() == ""


def test_arq_does_not_write_two_lines_for_each_of_its_jobs() -> None:
    stream = io.StringIO()
    setup_logging("INFO", "json", stream=stream)

    logging.getLogger("arq.worker").info("%6.2fs \u2192 %s()", 0.1, "cron:ring_what_is_due")

    assert stream.getvalue() == ""


def test_setting_up_twice_writes_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup_logging("INFO", "json", stream=first)
    setup_logging("INFO", "json", stream=second)

    structlog.get_logger("backfill.engine").info("batch done")

    assert first.getvalue() == ""
    assert len(written_lines(second)) == 1


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_password_gets_into_a_line(log_format: Any) -> None:
    stream = io.StringIO()
    setup_logging("INFO", log_format, stream=stream)

    log_a_failure(structlog.get_logger("backfill.engine"), "postgresql://app:hunter2@db:5432/codebegen")
    log_a_failure(structlog.get_logger("backfill.engine"), 'redis://:hunt"er2@cache:6379/0')

    structlog.get_logger("backfill.http").info("refused", headers={"authorization": f"Bearer {TOKEN}"}, token=TOKEN)

    assert "postgresql://app:***@db:5432/codebegen" in stream.getvalue()
    assert "aB3" not in stream.getvalue()
    assert "ConnectionError" in stream.getvalue()
    assert "er2" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://app:hunter2@db/x", "postgresql://app:***@db/x"),
        ("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        ("redis:/:hunter2@cache:6379/0 as a path", "redis:/:***@cache:6379/0 as a path"),
        ("rediss://cache/0?ssl_password=hunter2&x=1", "rediss://cache/0?ssl_password=***&x=1"),
        (
            "redis+sentinel://a:hunter2@b/c?sentinel_password=hunter2",
            "redis+sentinel://a:***@b/c?sentinel_password=***",
        ),
        ("at redis://a:b@c/0 and postgres://d:e@f/g", "at redis://a:***@c/0 and postgres://d:***@f/g"),
        ("postgresql://app:hun@ter/2@db/x", "postgresql://app:***@db/x"),
        ("postgresql://db/x?user=app&password=hunter2&sslmode=require", None),
        ("http://127.0.0.1:8080/v1/runs", "http://127.0.0.1:8080/v1/runs"),
        (f"a token {TOKEN} in a text", "a token bf_*** in a text"),
        (f"token={TOKEN}&page=2", "token=bf_***&page=2"),
        ("Authorization: Bearer s3cr-et_x", "Authorization: ***"),
        ("authorization: Basic dXNlcjpwdw==, Accept: */*", "authorization: ***, Accept: */*"),
        ('{"Authorization": "Bearer s3cret", "a": 1}', '{"Authorization": "***", "a": 1}'),
        (r'{"event": "{\"authorization\": \"Bearer s3cret\"}"}', r'{"event": "{\"authorization\": \"***\"}"}'),
        ("[(b'authorization', b'Bearer s3cret'), (b'a', b'b')]", "[(b'authorization', b'***'), (b'a', b'b')]"),
        ("curl -H 'authorization:s3cret' x", "curl -H 'authorization:***' x"),
        ("got bearer s3cret and refused", "got bearer *** and refused"),
        ("a bearer token is needed", "a bearer token is needed"),
        ("bf_short and a backfill", "bf_short and a backfill"),
    ],
)
def test_what_is_masked(text: str, masked: str | None) -> None:
    expected = masked or "postgresql://db/x?user=app&password=***&sslmode=require"

    assert mask_passwords(text) == expected


def test_what_is_set_up_late_tells_the_first_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging_when_needed("INFO", "json")

    logging.getLogger("redis").warning("cannot reach %s", "redis://:hunter2@host")
    logging.getLogger("redis").info("second")

    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], second["event"]) == ("cannot reach redis://:***@host", "second")
