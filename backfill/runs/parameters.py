"""The parameters of a run: JSON values under names, kept as one canonical text, so that equal ones are equal texts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 10_000
_LONGEST_SHOWN = 60


def dump_parameters(parameters: Mapping[str, Any]) -> str:
    """Canonical JSON; empty where there are none."""
    if not parameters:
        return ""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_parameters(text: str | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def differences(these: Mapping[str, Any], those: Mapping[str, Any]) -> str:
    """Those that differ, by name, with both values: `country is "AT", not "DE"`; empty where none does."""
    nothing = object()
    names = sorted(name for name in {*these, *those} if these.get(name, nothing) != those.get(name, nothing))
    return ", ".join(f"{name} is {_shown(these, name)}, not {_shown(those, name)}" for name in names)


def in_words(parameters: Mapping[str, Any]) -> str:
    """All of them in one line: `country="AT", since="2026-01-01"`."""
    return ", ".join(f"{name}={_shown(parameters, name)}" for name in sorted(parameters))


def as_options(parameters: Mapping[str, Any]) -> str:
    """What has to be typed behind a command to give the same; begins with a space where there are any."""
    pairs = [
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(parameters.items())
        if value is not None
    ]
    return "".join(f" -p {shlex.quote(pair)}" for pair in pairs)


def _shown(parameters: Mapping[str, Any], name: str) -> str:
    if name not in parameters:
        return "not given"
    text = json.dumps(parameters[name], ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}\u2026"
