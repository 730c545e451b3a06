from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import pytest

from backfill.cli.parameters import given_parameters
from backfill.engine.contracts import Backfills, Contract
from backfill.runs.errors import UsageError

NAME = "some"


class Doubling:
    """What is typed for a number counts twice."""

    def value_of(self, name: str, text: str) -> Any:
        return int(text) * 2


KNOWN = Backfills(bound={}, contracts={NAME: cast("Contract", Doubling())})


def test_a_typed_parameter_goes_before_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text('{"a": 1, "b": [2]}')

    assert given_parameters(KNOWN, NAME, ["a=21"], str(file)) == {"a": 42, "b": [2]}


def test_what_a_backfill_that_is_not_known_would_take_stays_text() -> None:
    assert given_parameters(KNOWN, "other", ["a=1", "b=x=y", "c="], None) == {"a": "1", "b": "x=y", "c": ""}


def test_a_dash_reads_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": null}'))

    assert given_parameters(KNOWN, NAME, None, "-") == {"a": None}


@pytest.mark.parametrize(
    ("typed", "content", "words"),
    [
        (["country"], None, "A parameter has no value. Give it as --param NAME=VALUE."),
        (["=AT"], None, "A parameter has no value."),
        ([], "{", "is no JSON. Give an object"),
        ([], "[1]", "is no JSON object. Give one"),
        ([], "", "is no JSON"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_give(
    tmp_path: Path, typed: list[str], content: str | None, words: str
) -> None:
    file = tmp_path / "given.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(UsageError) as raised:
        given_parameters(KNOWN, NAME, typed, None if content is None else str(file))

    assert words in str(raised.value)


def test_a_file_that_is_not_there_is_told_by_its_name() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read: No such file or directory"):
        given_parameters(KNOWN, NAME, None, "nowhere.json")
