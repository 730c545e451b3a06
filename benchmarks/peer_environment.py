"""An environment of the peer's own, with what the extra `bench` names: it wants a newer Python than this project."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

from backfill.runs.errors import UsageError
from benchmarks.databases import ROOT

FOLDER = ROOT / ".venv-peers"
NAMES = ("python3.13", "python3.12")
# Asks also for what makes an environment: Debian has that in a package of its own.
IS_NEW_ENOUGH = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))"
PIP = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input")
INSTALLED = ".installed"


def peer_python(named: Path | None, folder: Path = FOLDER) -> Path:
    """The Python of the environment, which is made at the first use, with `named` or else with one that is found.

    Raises UsageError where there is none, or where nothing can be installed.
    """
    python = new_enough_python(named)
    wanted = requirements()
    inside, done = folder / "bin" / "python", folder / INSTALLED
    if not done.exists() or done.read_text(encoding="utf-8").splitlines() != [python, *wanted]:
        _must(python, "-m", "venv", "--clear", str(folder))
        _must(str(inside), *PIP, *wanted)
        done.write_text("\n".join([python, *wanted]), encoding="utf-8")
    return inside


def new_enough_python(named: Path | None) -> str:
    if named is not None:
        if not _is_new_enough(str(named)):
            raise UsageError(f"{named} is no Python 3.12 or newer with its venv module.", "Name another.")
        return str(named)
    for name in NAMES:
        if (found := shutil.which(name)) and _is_new_enough(found):
            return found
    raise UsageError(f"There is no {' and no '.join(NAMES)} on the PATH.", "Name one: --peer-python=FILE.")


def requirements() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras: dict[str, list[str]] = tomllib.load(file)["project"]["optional-dependencies"]
    return extras["bench"]


def _is_new_enough(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", IS_NEW_ENOUGH], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _must(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise UsageError(f"No environment for the peer: {said[0].removeprefix('ERROR: ')}.", "Is PyPI reached?")
