"""The two files of pinned packages: one for a checkout, one for the image, and the second is of the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.ways import ALLOCATOR, NOT_IN_THE_IMAGE
from tests.support.commands import REPOSITORY
from tests.support.compose import dockerfile

PINNED = re.compile(
    r"^(?P<pin>[^\s#]\S*==[^\\\n]+?) \\\n(?P<hashes>(?: {4}--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)
RUNS, IS_MADE_WITH = "online-backfill", "hatchling"


def pinned(name: str) -> dict[str, tuple[str, ...]]:
    """Each pin with its hashes."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    found = {one["pin"]: tuple(sorted(re.findall("sha256:[0-9a-f]+", one["hashes"]))) for one in PINNED.finditer(text)}
    assert list(found) == [line.removesuffix(" \\") for line in text.splitlines() if not line.startswith((" ", "#"))]
    return found


def needed(name: str, extra: str = "") -> Iterator[str]:
    """It, and what it needs here, without anybody's extras but those that are asked for."""
    yield canonicalize_name(name)
    for one in map(Requirement, requires(name) or ()):
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            for extra_of_it in one.extras or {""}:
                yield from needed(one.name, extra_of_it)


def test_the_image_gets_what_its_programs_need_and_nothing_else() -> None:
    pins = map(Requirement, pinned("constraints-image.txt"))

    here = {canonicalize_name(one.name) for one in pins if one.marker is None or one.marker.evaluate()}

    assert here == {*needed(RUNS), *needed(IS_MADE_WITH)} - {RUNS}


def test_the_image_gets_the_very_files_that_the_tests_have() -> None:
    assert pinned("constraints-image.txt").items() <= pinned("constraints.txt").items()


def test_the_worker_of_the_benchmarks_is_that_of_the_image() -> None:
    set_there = {one for line in dockerfile() if (line.name, line.stage) == ("ENV", 1) for one in line.words.split()}

    assert {f"{name}={value}" for name, value in ALLOCATOR.items()} <= set_there
    assert NOT_IN_THE_IMAGE not in {Requirement(pin).name for pin in pinned("constraints-image.txt")}
