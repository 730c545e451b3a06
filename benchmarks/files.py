"""Files per second of `generation-files`, against `cp -r` of the same folders and one UPDATE of all rows.

Flat folders alone, because `cp` unpacks no zip and writes no text. The rival copies and updates, and that is all: it
writes no manifest and no patch, compares nothing, and what it has copied is in memory when it ends. So it is measured
a second time with the `sync` that keeps its files through a power failure, as ours are kept. A round measures all
three, and ratios are taken within a round. Printed and not asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg
from rich.table import Table

from backfill.cli.output import answer_console
from backfill.logging import setup_logging
from backfill.opening import servers
from backfill.runs.errors import OperatorError
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings, load_settings
from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from backfill.wiring import default_pace, open_service
from benchmarks.databases import ROOT, copied, environment_of, prepared, sql
from benchmarks.ways import BACKFILL as VERSIONS
from benchmarks.ways import FULL_PACE, settings_on, until, worker_process
from worker.demo.old_data import OldDataShape
from worker.demo.old_files import FOLDERS, create_old_files

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
FILES = "generation-files"
COPY, COPY_AND_SYNC, RUN = "a  cp -r, one UPDATE", "b  the same, and sync", "c  our run"
WAYS = (COPY, COPY_AND_SYNC, RUN)
GOAL = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`template_url` has numbered rows; `root` has the flat folders, and is put back as it was after each way."""

    settings: Settings
    urls: ServerUrls
    template_url: str
    root: Path
    files: int


@asynccontextmanager
async def course(settings: Settings, urls: ServerUrls, generations: int, folder: Path) -> AsyncIterator[Course]:
    shape = OldDataShape(projects=max(1, generations // 10), generations=generations)
    with tempfile.TemporaryDirectory(prefix="benchmark-files-", dir=folder) as place:
        root = Path(place) / "projects"
        async with prepared(urls.database_url, shape) as url:
            engine = open_engine(url, application_name="benchmark", command_timeout_seconds=None)
            try:
                old = await create_old_files(engine, root, seed=1, only=FOLDERS)
            finally:
                await engine.dispose()
            with storage(root):
                await run(settings_on(settings, urls, url), VERSIONS)
            yield Course(settings=settings, urls=urls, template_url=url, root=root, files=old.files)


@contextmanager
def storage(root: Path) -> Iterator[None]:
    """The settings of this process, and of those that it starts."""
    given = {"FILE_STORAGE_PATH": str(root), "BACKFILL_DEFINITIONS": "worker.generations,worker.files"}
    os.environ |= given
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


async def run(settings: Settings, *names: str) -> float:
    """One after the other, by a worker that was up and idle before: seconds until all of the last is settled."""
    command = (str(Path(sys.executable).with_name("backfill")), "files-root", "--create")
    env = environment_of(settings)
    await asyncio.to_thread(lambda: subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True))
    seconds = 0.0
    async with open_service(settings, application_name="benchmark") as service, worker_process(settings):
        for name in names:
            began = time.monotonic()
            pace = default_pace(settings).with_changes(FULL_PACE)
            begun, _ = await service.control.enqueue(name, pace, requested_by="benchmark")
            await until(service.control, begun.id, has_settled)
            seconds = time.monotonic() - began
            ended = await until(service.control, begun.id, lambda run: run.done)
            if ended.state is not State.SUCCEEDED:
                raise RuntimeError(f"the run ended {ended.state}: {ended.error}")
        keys = [key async for key in service.redis.scan_iter(f"{settings.redis_prefix}:*")]
        await service.redis.delete(*keys)
    return seconds


def has_settled(run: Run) -> bool:
    return run.state not in (State.QUEUED, State.RUNNING)


async def measure(on: Course, way: str) -> float:
    """Seconds, on a copy of the database; the folders are as they were when it ends."""
    async with copied(on.urls.database_url, on.template_url) as database_url:
        os.sync()
        if way == RUN:
            with storage(on.root):
                seconds = await run(settings_on(on.settings, on.urls, database_url), VERSIONS, FILES)
            remove_projects(on.root)
            return seconds
        return await copy_and_update(on, database_url, synced=way == COPY_AND_SYNC)


async def copy_and_update(on: Course, database_url: str, *, synced: bool) -> float:
    target = on.root.with_name("copied")
    connection = await asyncpg.connect(database_url)
    began = time.monotonic()
    try:
        await asyncio.to_thread(subprocess.run, ("cp", "-r", str(on.root), str(target)), check=True)
        if synced:
            await asyncio.to_thread(subprocess.run, ("sync", "-f", str(target)), check=True)
        await connection.execute(sql("one_update_of_paths"), str(target), timeout=600)
        return time.monotonic() - began
    finally:
        await connection.close()
        await asyncio.to_thread(shutil.rmtree, target)


def remove_projects(root: Path) -> None:
    for path in root.iterdir():
        if (path / "generations").is_dir():
            shutil.rmtree(path)


async def benchmark(generations: int, rounds: int, folder: Path) -> None:
    given = {"embedded_dir": EMBEDDED_DIR, "definitions": ["worker.generations", "worker.files"]}
    settings = load_settings().model_copy(update=given)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with servers(settings) as urls:
        async with course(settings, urls, generations, folder) as on:
            for number in range(rounds):
                for way in WAYS if number % 2 else reversed(WAYS):
                    taken[way].append(await measure(on, way))
            show(taken, on.files, rounds)


def show(taken: dict[str, list[float]], files: int, rounds: int) -> None:
    table = Table(title=f"{files:,} files, medians of {rounds} rounds; one worker")
    table.add_column("way")
    for column in ("seconds", "files/s", "of a", "of b"):
        table.add_column(column, justify="right")
    for way in WAYS:
        shares = [f"{speed_of(taken, way, rival):.2f}" for rival in (COPY, COPY_AND_SYNC)]
        seconds = median(taken[way])
        table.add_row(way, f"{seconds:.2f}", f"{files / seconds:,.0f}", *shares)
    console = answer_console()
    console.print(table)
    share = speed_of(taken, RUN, COPY)
    console.print(
        f"{'holds' if share >= GOAL else 'does not hold'}: {share:.2f} of the files per second of cp, {GOAL} or more"
    )


def speed_of(taken: dict[str, list[float]], way: str, rival: str) -> float:
    return median(theirs / ours for ours, theirs in zip(taken[way], taken[rival], strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=5_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=EMBEDDED_DIR.parent, help="on the disk to measure")
    given = parser.parse_args()
    try:
        setup_logging("WARNING", "auto")
        asyncio.run(benchmark(given.generations, given.rounds, given.folder))
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
