"""Where words go: answers to stdout, remarks and errors to stderr, and with `--json` nothing but JSON on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer
from rich.console import Console

from backfill.masking import mask_passwords

_UNWRAPPED = 10_000  # columns


def answer_console(*, stderr: bool = False) -> Console:
    """Stdout or stderr: wrapped to a terminal; anywhere else whole lines without colours, for grep and for logs."""
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    return Console(
        stderr=stderr,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=False,
        color_system=None,
        soft_wrap=True,
        width=_UNWRAPPED,
    )


def write_json(document: Any, *, indent: int | None = 2) -> None:
    """`indent` None gives one line, for a stream of documents."""
    typer.echo(json.dumps(document, indent=indent, ensure_ascii=False))


def say(message: str) -> None:
    """A remark for the person at the keyboard."""
    typer.echo(mask_passwords(message), file=sys.stderr)


def number(value: int) -> str:
    return f"{value:,}"


def duration(seconds: float) -> str:
    """`9 s`, `3 min 5 s`, `2 h 5 min`, `3 d 4 h`: two units at most."""
    minutes, rest_seconds = divmod(round(seconds), 60)
    hours, rest_minutes = divmod(minutes, 60)
    days, rest_hours = divmod(hours, 24)
    parts = [(days, "d"), (rest_hours, "h"), (rest_minutes, "min"), (rest_seconds, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2])
