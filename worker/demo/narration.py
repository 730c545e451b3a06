"""What the demo says while it goes on: numbered acts, the commands as they are typed, and how long things take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.text import Text

from backfill.cli.output import answer_console, duration

INDENT = "   "


class Narrator:
    """Speaks on stdout, or on stderr where stdout is for JSON."""

    def __init__(self, *, json: bool) -> None:
        self.console = answer_console(stderr=json)
        self._acts = 0

    def act(self, title: str) -> None:
        self._acts += 1
        self.headline(f"{self._acts}  {title}")

    def headline(self, words: str) -> None:
        self.console.print()
        self.console.print(Text(words, style="bold"))

    def say(self, words: str, *, style: str = "") -> None:
        self.console.print(Text(f"{INDENT}{words}", style=style), soft_wrap=True)

    def command(self, words: str, remark: str = "") -> None:
        said = Text.assemble(INDENT, (f"$ {words}", "cyan"))
        if remark:
            said.append(f"   {remark}", style="dim")
        self.console.print(said, soft_wrap=True)

    @contextmanager
    def busy(self, words: str) -> Iterator[None]:
        """On a terminal a sign of life for as long as the block lasts."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(f"{INDENT}{words}", spinner="line"):
            yield


class Stopwatch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._since = monotonic()

    @property
    def seconds(self) -> float:
        return monotonic() - self._since

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s" if self.seconds < 60 else duration(self.seconds)


def sentence_of(line: str, *, of: str) -> str | None:
    """What a line that one of our programs has logged says, if it comes from this part of the program."""
    try:
        logged = json.loads(line)
    except ValueError:
        return None
    if not isinstance(logged, dict) or not str(logged.get("logger", "")).startswith(of):
        return None
    return str(logged.get("event", ""))
