"""The application's chain of revisions, asked of Alembic itself."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from backfill.runs.errors import UsageError

_INI = "alembic.ini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next revision goes. `head` None: it is the first."""

    folder: Path
    revision: str
    head: str | None


def next_place(given: Path | None) -> Place:
    """`given` is a file of settings, alembic.ini or a .toml; without it the one that is here. Raises UsageError."""
    try:
        script = ScriptDirectory.from_config(_config(given))
        heads = script.get_heads()
    except CommandError as error:
        raise UsageError(f"Alembic says: {error}.", "Name its settings: --alembic FILE.") from None
    except Exception as error:
        what = f"A revision of the chain cannot be read: {type(error).__name__}: {error}."
        raise UsageError(what, "Mend it first: alembic heads says the same.") from error
    if len(heads) > 1:
        what = f"The chain has several heads: {', '.join(heads)}."
        raise UsageError(what, "Merge them first: alembic merge heads.")
    return Place(folder=Path(script.versions), revision=token_hex(6), head=heads[0] if heads else None)


def _config(given: Path | None) -> Config:
    file = given or (Path(_INI) if Path(_INI).is_file() else _settings_here())
    if file is None:
        raise UsageError("There is no alembic.ini here, and no .toml with [tool.alembic].", "Give --alembic FILE.")
    if not file.is_file():
        raise UsageError(f"There is no file {file}.", "Give the settings of Alembic.")
    return Config(toml_file=str(file)) if file.suffix == ".toml" else Config(str(file))


def _settings_here() -> Path | None:
    for file in sorted(Path.cwd().glob("*.toml")):
        if "alembic" in tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}):
            return file
    return None
