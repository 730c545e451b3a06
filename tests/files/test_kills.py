"""A kill at any step leaves nothing half under its final name, and whoever does it again ends with everything."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.support.filed import as_bytes, contents
from worker.files.layout import Place
from worker.files.manifest import About, Manifest
from worker.files.sources import Json
from worker.files.storage import durable
from worker.files.storage.local import LocalFolder

PLACE = Place(project_id="p", version=2, generation_id="g")
ABOUT = About(prompt="Build it", created_at="2026-01-01T00:00:00+00:00")
STEPS = ("mkdir", "open", "write", "rename", "symlink", "unlink", "rmdir", "utime", "fsync")
FILES = {"main.py": "print('hello')\n", "app/routes.py": ""}
OLDER = {"main.py": "older\n", "gone.py": ""}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: it is flushed to disk hundreds of times."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


def storage_at(root: Path) -> LocalFolder:
    root.mkdir(exist_ok=True)
    return LocalFolder(root, written="storage/projects", is_shared=False)


def bring(storage: LocalFolder, files: dict[str, str] = FILES) -> None:
    draft = storage.stage(PLACE, Json(files), ABOUT)
    storage.flush()
    storage.publish([draft])
    storage.flush()
    draft.discard()


def bring_all(storage: LocalFolder) -> None:
    bring(storage)
    patch = storage.stage_patch(PLACE, 1, b"a patch")
    assert patch is not None
    storage.flush()
    patch.publish()
    patch.discard()
    storage.point("p", PLACE)


def die_at(step: int) -> None:
    """In a process of its own: before that step, as by kill -9."""
    steps = iter(range(1_000_000))

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    for name in ("flush", "exchange"):
        setattr(durable, name, counted(getattr(durable, name)))


def killed_at_each_step(prepared: Iterator[LocalFolder], most: int = 300) -> Iterator[tuple[str, LocalFolder]]:
    """Each of them once a worker was killed there, until a step is not reached any more."""
    for step in range(most):
        storage = next(prepared)
        child = os.fork()
        if child == 0:
            try:
                die_at(step)
                bring_all(storage)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return
        yield f"step {step}", storage
    raise AssertionError(f"more than {most} steps")


@pytest.mark.parametrize("before", [None, OLDER], ids=["nothing there", "an older one there"])
def test_a_kill_at_any_step_leaves_all_or_nothing_and_doing_it_again_ends_well(
    memory: Path, before: dict[str, str] | None
) -> None:
    def prepared() -> Iterator[LocalFolder]:
        for number in count():
            storage = storage_at(memory / str(number))
            if before is not None:
                bring(storage, before)
            yield storage

    killed = 0
    for step, storage in killed_at_each_step(prepared()):
        there = storage.look(PLACE)  # raises what is half
        assert there is not None or before is None, step
        assert there is None or set(there.files) in (set(FILES), set(before or FILES)), step
        assert storage.pointed("p") in (None, PLACE.name), step

        bring_all(storage)

        folder = memory / str(killed) / "p" / "generations"
        assert contents(folder / PLACE.name / "source") == as_bytes(FILES), step
        assert storage.has_patch(PLACE, 1), step
        assert {path.name for path in folder.iterdir()} == {PLACE.name, "active"}, step
        assert storage.pointed("p") == PLACE.name, step
        killed += 1

    assert killed > 20


def test_workers_that_bring_the_same_one_at_once_end_with_one_whole_folder(tmp_path: Path) -> None:
    storage = storage_at(tmp_path / "root")
    seen: list[Manifest | None] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(15):
                bring(storage)
                seen.append(storage.look(PLACE))
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert (failed, len(seen), None in seen) == ([], 60, False)
    assert contents(tmp_path / "root" / "p" / "generations" / PLACE.name / "source") == as_bytes(FILES)
    assert [path.name for path in (tmp_path / "root" / "p" / "generations").iterdir()] == [PLACE.name]
