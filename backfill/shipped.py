"""The file in which an application keeps what it ships with: settings for `backfill`, commands of its own, and the name
under which arq starts its worker.

It is read where the application is run. The standard library is enough: `--help` lists the commands, and loads nothing
else to do so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Of two, the second one is heard.
FILES = (Path("backfill.toml"), Path("config") / "backfill.toml")
COMMANDS = "commands"
WORKER = "worker"
OWN_WORKER = "backfill.worker.WorkerSettings"


def read_shipped(file: Path) -> Mapping[str, Any]:
    """Empty where there is no such file. Raises OSError, ValueError (it is no TOML)."""
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def shipped_commands() -> Mapping[str, Mapping[str, str]]:
    """By name: `run` is `module:function`, `says` and `example` are for the list. A file that is wrong has none here;
    reading the settings tells what is wrong with it."""
    commands: dict[str, Any] = {}
    for shipped in _readable():
        found = shipped.get(COMMANDS)
        commands |= found if isinstance(found, dict) else {}
    return {name: spec for name, spec in commands.items() if isinstance(spec, dict) and spec.get("run")}


def start_a_worker() -> str:
    """The command line, for whoever has none alive."""
    return f"arq {worker_settings()}"


def worker_settings() -> str:
    """The class that arq is given."""
    names = [OWN_WORKER, *(name for shipped in _readable() if isinstance(name := shipped.get(WORKER), str))]
    return names[-1]


def _readable() -> Iterator[Mapping[str, Any]]:
    for file in FILES:
        try:
            yield read_shipped(file)
        except (OSError, ValueError):
            continue
