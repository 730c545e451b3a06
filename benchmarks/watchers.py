"""What many watchers of one run cost: memory of the HTTP service and commands of Redis, with one watcher and with many.

The service is the process that an operator starts, the run is a real one by a real worker, and every watcher keeps a
connection of its own open until the end has reached it. Printed and not asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil
from redis.asyncio import Redis
from rich.console import Console

from backfill.cli.output import answer_console
from backfill.opening import servers
from backfill.runs.pace import FIXED, Pace
from backfill.settings import Settings, load_settings
from backfill.urls import ServerUrls
from backfill.wiring import build_service, default_pace
from benchmarks.databases import ROOT, copied, environment_of, prepared
from benchmarks.running import ended
from benchmarks.ways import BACKFILL, settings_on, until, worker_process
from worker.demo.old_data import OldDataShape

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
SHAPE = OldDataShape(projects=2_000, generations=20_000)
MEASURED_SECONDS = 5.0


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[str, psutil.Process]]:
    """The service's address and its process."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("backfill")), "serve", "--port", "0"),
        cwd=ROOT,
        env=environment_of(settings, BACKFILL_LOG_LEVEL="WARNING"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        announced = (await process.stderr.readline()).decode().split()
        yield announced[-1], psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def watch(client: httpx.AsyncClient, run_id: str, seen: Counter[str]) -> None:
    async with client.stream("GET", f"/v1/runs/{run_id}/events") as response:
        async for line in response.aiter_lines():
            name, _, event = line.partition(": ")
            if name == "event":
                seen[event] += 1


async def commands(redis: Redis) -> int:
    return int((await redis.info("stats"))["total_commands_processed"])


async def measure(redis: Redis, process: psutil.Process) -> str:
    before, began = await commands(redis), time.perf_counter()
    await asyncio.sleep(MEASURED_SECONDS)
    rate = (await commands(redis) - before) / (time.perf_counter() - began)
    return f"{process.memory_info().rss / 2**20:.0f} MiB, {rate:.0f} commands of Redis per second"


async def compare(settings: Settings, urls: ServerUrls, watchers: int, console: Console) -> None:
    async with AsyncExitStack() as stack:
        service = await build_service(settings, urls, stack, application_name="benchmark")
        address, process = await stack.enter_async_context(serving(settings))
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=60, limits=limits))
        await stack.enter_async_context(worker_process(settings))
        slow = Pace(parallel=1, batch_rows=100, target_ms=50, pause_ms=100, rows_per_second=1_000)
        run, _ = await service.control.enqueue(BACKFILL, slow, requested_by="benchmark")
        console.print(f"nobody watches: {await measure(service.redis, process)}")
        seen: Counter[str] = Counter()
        watching: list[asyncio.Task[None]] = []
        for number in (1, watchers):
            watching += [asyncio.create_task(watch(client, run.id, seen)) for _ in range(number - len(watching))]
            while seen["snapshot"] < number:  # noqa: ASYNC110 - the tasks count
                await asyncio.sleep(0.05)
            console.print(f"{number} watch: {await measure(service.redis, process)}")
        fast = default_pace(settings, FIXED).document()
        await service.control.set_pace(run.id, fast, who="benchmark")
        await asyncio.gather(*watching)
        ended = await until(service.control, run.id, lambda run: run.done)
        console.print(f"the run {ended.state}; {seen['end']} of {watchers} watchers have seen its end")


async def benchmark(watchers: int) -> None:
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    with servers(settings) as urls:
        async with prepared(urls.database_url, SHAPE) as template, copied(urls.database_url, template) as database_url:
            ours = settings_on(settings, urls, database_url)
            own = ServerUrls(database_url=database_url, redis_url=urls.redis_url)
            await compare(ours, own, watchers, answer_console())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=500, help="default: %(default)s")
    given = parser.parse_args()
    return ended(lambda: asyncio.run(benchmark(given.watchers)))


if __name__ == "__main__":
    sys.exit(main())
