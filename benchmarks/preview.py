"""What `backfill preview` foretells against what the real run takes: the demo's data, one worker, the fixed pace.

The servers are embedded ones in a folder of their own, at their default settings, unless DATABASE_URL and REDIS_URL
name others. The actual seconds are those of the run's own document, from started_at to finished_at. Exits with 0
however far off the middle is, and says by which factor.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr
from rich.console import Console

from backfill.cli.output import answer_console
from backfill.opening import servers
from backfill.runs.pace import FIXED
from backfill.runs.record import Run
from backfill.runs.states import State
from backfill.settings import Settings, load_settings
from backfill.urls import ServerUrls
from backfill.wiring import build_service, default_pace
from benchmarks.databases import ROOT, checkpoint, copied, environment_of, prepared, sql
from benchmarks.measuring import read_tables
from benchmarks.running import ended
from benchmarks.ways import BACKFILL, until, worker_process
from worker.demo.old_data import OldDataShape

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
PROMISED_FACTOR = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    seconds: float
    verifying_seconds: float
    wal_bytes: int
    growth_bytes: int


async def foretold(settings: Settings) -> dict[str, Any]:
    """What the command prints, run as an operator does."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("backfill")), "preview", "--json", "--pace", FIXED),
        cwd=ROOT,
        env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"backfill preview ended with {process.returncode}")
    document: dict[str, Any] = json.loads(output)
    return document


async def actual(settings: Settings, urls: ServerUrls) -> Actual:
    """A run at the fixed pace, with its worker up and idle when it begins."""
    async with AsyncExitStack() as stack:
        service = await build_service(settings, urls, stack, application_name="benchmark")
        await stack.enter_async_context(worker_process(settings))
        connection = await asyncpg.connect(urls.database_url)
        stack.push_async_callback(connection.close)
        await checkpoint(urls.database_url)
        before, wal_before = await read_tables(connection), await connection.fetchval(sql("read_wal"))
        run, _ = await service.control.enqueue(BACKFILL, default_pace(settings, FIXED), requested_by="benchmark")
        await until(service.control, run.id, lambda run: run.state not in (State.QUEUED, State.RUNNING))
        begun = time.monotonic()
        run = await until(service.control, run.id, lambda run: run.done)
        verifying_seconds = time.monotonic() - begun
        wal_bytes = await connection.fetchval(sql("read_wal")) - wal_before
        after = await read_tables(connection)
        keys = [key async for key in service.redis.scan_iter(f"{settings.redis_prefix}:*")]
        await service.redis.delete(*keys)
    return Actual(
        seconds=seconds_of(run),
        verifying_seconds=verifying_seconds,
        wal_bytes=wal_bytes,
        growth_bytes=after.size_bytes - before.size_bytes,
    )


def seconds_of(run: Run) -> float:
    if run.state is not State.SUCCEEDED or run.started_ms is None or run.finished_ms is None:
        raise RuntimeError(f"the run ended {run.state}: {run.error}")
    return (run.finished_ms - run.started_ms) / 1000


async def benchmark(shape: OldDataShape, rounds: int, console: Console) -> list[float]:
    """The factor of each round, at least 1."""
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    factors = []
    with servers(settings) as urls:
        console.print(f"Preparing {shape.size}.")
        async with prepared(urls.database_url, shape) as template_url:
            for number in range(rounds):
                async with copied(urls.database_url, template_url) as database_url:
                    factors.append(await _round(number, settings, urls, database_url))
    return factors


async def _round(number: int, settings: Settings, urls: ServerUrls, database_url: str) -> float:
    ours = settings.model_copy(
        update={
            "database_url": SecretStr(database_url),
            "redis_url": SecretStr(urls.redis_url),
            "redis_prefix": f"benchmark-preview-{number}",
        }
    )
    seen = await foretold(ours)
    real = await actual(ours, ServerUrls(database_url=database_url, redis_url=urls.redis_url))
    forecast = seen["forecast"]
    middle = forecast["seconds"]["middle"]
    factor: float = max(middle / real.seconds, real.seconds / middle)
    print(f"round {number + 1}")
    print(_line("seconds", forecast["seconds"], real.seconds, 1) + f", factor {factor:.2f}")
    print(_line("verifying", forecast["phases"]["verifying"], real.verifying_seconds, 1))
    print(_line("WAL, MB", forecast["wal_bytes"], real.wal_bytes, 1e6))
    print(_line("growth, MB", forecast["growth_bytes"], real.growth_bytes, 1e6))
    return factor


def _line(what: str, told: dict[str, float], real: float, unit: float) -> str:
    low, middle, high = (told[name] / unit for name in ("low", "middle", "high"))
    return f"  {what:<11} foretold {low:.1f} to {high:.1f}, middle {middle:.1f}; actual {real / unit:.1f}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    shape = OldDataShape()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=shape.generations, help="default: %(default)s")
    parser.add_argument("--projects", type=int, default=shape.projects, help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds, each on a fresh copy")
    return parser.parse_args(arguments)


def tell() -> None:
    given = _options(sys.argv[1:])
    shape = OldDataShape(projects=given.projects, generations=given.generations)
    factors = asyncio.run(benchmark(shape, given.repeat, answer_console(stderr=True)))
    print(f"Worst factor {max(factors):.2f}; promised is {PROMISED_FACTOR} on a machine that does nothing else.")


def main() -> int:
    return ended(tell)


if __name__ == "__main__":
    sys.exit(main())
