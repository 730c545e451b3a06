"""What the application notices of the schema change: its p50, p99 and longest transaction, there and back.

One database, one application, one run: alone, while `alembic upgrade head` works, alone on the new schema, and while
`alembic downgrade` works. Both are processes of their own, as they are in life. Printed and not asserted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from backfill.cli.output import answer_console
from backfill.opening import servers
from backfill.settings import Settings, load_settings
from benchmarks.databases import SCHEMA_TODAY, environment_of, prepared
from benchmarks.running import ended
from benchmarks.watched import HEADINGS, WARM_UP_SECONDS, Options, cells, options_from
from benchmarks.ways import settings_on
from worker.demo.children import Children
from worker.demo.old_application import PhaseSummary
from worker.demo.traffic import start_traffic

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
WARM_UP, BEFORE, UPGRADE, BETWEEN, DOWNGRADE = "warm-up", "before", "upgrade", "between", "downgrade"


async def measure(settings: Settings, options: Options) -> tuple[PhaseSummary, ...]:
    """Of every phase but the first."""
    async with Children(environment_of(settings, BACKFILL_LOG_LEVEL="WARNING")) as children:
        application = await start_traffic(children, options.traffic, WARM_UP)
        await asyncio.sleep(WARM_UP_SECONDS)
        await application.phase(BEFORE)
        await asyncio.sleep(options.alone_seconds)
        await application.phase(UPGRADE)
        await (await children.start("alembic upgrade head")).succeed()
        await application.phase(BETWEEN)
        await asyncio.sleep(options.alone_seconds)
        await application.phase(DOWNGRADE)
        await (await children.start(f"alembic downgrade {SCHEMA_TODAY}")).succeed()
        return (await application.stop())[1:]


async def benchmark(options: Options, progress: Console) -> tuple[PhaseSummary, ...]:
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    with servers(settings) as urls:
        progress.print(f"Preparing {options.shape.size}.")
        async with prepared(urls.database_url, options.shape, revision=SCHEMA_TODAY) as database_url:
            return await measure(settings_on(settings, urls, database_url), options)


def show(console: Console, phases: Sequence[PhaseSummary]) -> None:
    table = Table(title="What the application notices of the schema change")
    table.add_column("")
    for heading in ("seconds", *HEADINGS):
        table.add_column(heading, justify="right")
    for phase in phases:
        table.add_row(phase.phase, f"{phase.seconds:.1f}", *cells(phase))
    console.print(table)


def tell() -> None:
    options = options_from(sys.argv[1:], __doc__)
    phases = asyncio.run(benchmark(options, answer_console(stderr=True)))
    if options.as_json:
        print(json.dumps({phase.phase: phase.to_json() for phase in phases}, indent=2))
    else:
        show(answer_console(), phases)


def main() -> int:
    return ended(tell)


if __name__ == "__main__":
    sys.exit(main())
