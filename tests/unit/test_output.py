"""How an answer is laid out: for a terminal, and for whatever reads it where there is none."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.text import Text

from backfill.cli.output import answer_console
from backfill.cli.rows import Row, print_facts, print_rows
from backfill.runs.wording import counted

LONG = ("word " * 60).strip()
ROWS: list[Row] = [("WARNING", "schema", Text(LONG, style="red")), ("OK", "postgres", "fine")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """What was written to a stdout that is no terminal, where the surroundings ask for colours and a width."""
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)

    def written() -> list[str]:
        return capsys.readouterr().out.splitlines()

    return written


def test_without_a_terminal_a_line_is_one_line_without_colours(piped: Callable[[], list[str]]) -> None:
    answer_console().print(Text(LONG, style="red"))
    print_rows(answer_console(), ROWS)
    print_facts(answer_console(), [("pace", LONG), ("speed", "1")])

    assert piped() == [
        LONG,
        f"WARNING  schema    {LONG}",
        "OK       postgres  fine",
        f"  pace   {LONG}",
        "  speed  1",
    ]


def test_on_a_terminal_the_last_column_is_wrapped_at_words_beside_the_others() -> None:
    terminal = Terminal()
    console = Console(file=terminal, width=60, color_system=None, force_terminal=True)

    print_rows(console, ROWS)

    first, second, *_, last = terminal.getvalue().splitlines()
    assert len(first) <= 60
    assert first.split()[:3] == ["WARNING", "schema", "word"]
    assert second.startswith(" " * 19 + "word ")
    assert last.split() == ["OK", "postgres", "fine"]


def test_numbers_are_aligned_to_the_right(piped: Callable[[], list[str]]) -> None:
    print_rows(answer_console(), [("a", "1", "x"), ("b", "100", "y")], right=(1,))

    assert piped() == ["a    1  x", "b  100  y"]


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (1, "rule", "1 rule"),
        (0, "rule", "0 rules"),
        (20_000, "unit", "20,000 units"),
        (2, "batch", "2 batches"),
        (2, "index", "2 indexes"),
    ],
)
def test_a_number_has_its_noun(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words
