"""The parameters of a run as somebody types them: `--param name=value`, several times, and a file or stdin of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from backfill.engine.contracts import Backfills
from backfill.runs.errors import UsageError

STDIN = "-"

Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the backfill; once for each."),
]
ParamsFile = Annotated[
    str | None,
    typer.Option(
        "--params", metavar="FILE", help="Parameters as a JSON object; - reads stdin. --param goes before it."
    ),
]


def given_parameters(
    known: Backfills, backfill: str, typed: Sequence[str] | None, file: str | None
) -> Mapping[str, Any]:
    """What is meant, as JSON values by name. Raises UsageError where it cannot be read."""
    given = _of_file(file) if file is not None else {}
    contract = known.contracts.get(backfill)
    for pair in typed or ():
        name, is_pair, text = pair.partition("=")
        if not is_pair or not name:
            raise UsageError("A parameter has no value.", "Give it as --param NAME=VALUE.")
        given[name] = text if contract is None else contract.value_of(name, text)
    return given


def _of_file(file: str) -> dict[str, Any]:
    place = "stdin" if file == STDIN else file
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}.", "Name a file with a JSON object.") from None
    except ValueError:
        raise UsageError(f"{place} is no JSON.", 'Give an object, such as {"country": "AT"}.') from None
    if not isinstance(values, dict):
        raise UsageError(f"{place} is no JSON object.", 'Give one, such as {"country": "AT"}.')
    return values
