"""docker-compose.yml and the Dockerfile as values, and the image's files laid out in a folder: no engine is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.commands import REPOSITORY

SECRETS = "/run/secrets/"
_UNITS = {"s": 1, "m": 60}


@cache
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def seconds(words: str) -> int:
    """Of `90s`, `2m`."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([sm])", words))


def command_of(service: str) -> list[str]:
    return [unescaped(str(word)) for word in services()[service]["command"]]


def healthcheck_of(service: str) -> list[str]:
    """What Docker runs in the container, as a process's arguments."""
    kind, *words = services()[service]["healthcheck"]["test"]
    arguments = [unescaped(word) for word in words]
    return arguments if kind == "CMD" else ["/bin/sh", "-c", *arguments]


def environment_of(service: str) -> dict[str, str]:
    """With what is passed through from outside left empty, as it is where nobody sets it."""
    given: Mapping[str, str] = services()[service]["environment"]
    return {name: re.sub(r"\$\{\w+:-\}", "", str(value)) for name, value in given.items()}


def unescaped(word: str) -> str:
    """Compose's own `$$`."""
    return word.replace("$$", "$")


@dataclass(frozen=True, slots=True)
class Instruction:
    stage: int
    name: str
    words: str


@cache
def dockerfile() -> tuple[Instruction, ...]:
    return tuple(_instructions())


def _instructions() -> Iterator[Instruction]:
    stage = -1
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    for line in filter(None, lines.splitlines()):
        name, _, words = line.partition(" ")
        stage += name == "FROM"
        yield Instruction(stage, name, " ".join(words.split()))


def copied(stage: int) -> list[tuple[list[str], str]]:
    """Sources in the checkout and the destination of every COPY of a stage, but for those from another stage."""
    words = [one.words.split() for one in dockerfile() if one.stage == stage and one.name == "COPY"]
    return [(sources, target) for *sources, target in words if not sources[0].startswith("--from")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`app` is what the image has in /app, `packages` what it has installed of the project."""

    app: Path
    packages: Path

    def environment(self, outside: Mapping[str, str]) -> dict[str, str]:
        return {**outside, "PYTHONPATH": str(self.packages), "PYTHONDONTWRITEBYTECODE": "1"}


def lay_out(folder: Path) -> Image:
    """What the Dockerfile copies and installs, from a source that holds nothing but what its first stage copies."""
    source, app, packages = folder / "source", folder / "app", folder / "packages"
    for stage, place in ((0, source), (1, app)):
        place.mkdir()
        for sources, target in copied(stage):
            _copy(sources, place, target)
    _install(source, packages)
    return Image(app=app, packages=packages)


def _copy(sources: Sequence[str], place: Path, target: str) -> None:
    for name in sources:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, place / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(path, place / target / path.name if target == "./" else place / target)


def _install(source: Path, packages: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    what = ("--no-index", "--no-deps", "--no-build-isolation", "--target", str(packages), str(source))
    subprocess.run([*pip, *what], check=True, capture_output=True)
