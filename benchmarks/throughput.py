"""Seconds and WAL of the backfill against the migrations it replaces, on copies of one database in one run.

a  the one-shot migration: four updates of whole tables in one transaction, with the index that it would want
b  the best that one transaction can do: every row and every project written once
c  our run: an arq worker, enqueue, until the last range is done; verification is told apart
d  the write floor: the same rows set to constants, page by page, by two connections; nobody can be much faster

The servers are embedded ones in a folder of their own, at their default settings, unless DATABASE_URL and REDIS_URL
name others; nothing else may work on these, as WAL is counted per server. Exits with 0 whoever wins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from backfill.cli.output import answer_console
from backfill.opening import servers
from backfill.runs.wording import counted
from backfill.settings import Settings, load_settings
from benchmarks.databases import prepared
from benchmarks.measuring import Measurement, summarize
from benchmarks.running import ended
from benchmarks.table import document, show
from benchmarks.ways import FLOOR, ONE_SHOT, RUN, SINGLE, Course, measure
from worker.demo.old_data import OldDataShape

EMBEDDED_DIR = Path(__file__).resolve().parent / ".embedded"
WAYS = (ONE_SHOT, SINGLE, RUN, FLOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    shape: OldDataShape
    repeat: int
    parallel: int | None
    batch_rows: int | None
    as_json: bool


def options_from(arguments: Sequence[str]) -> Options:
    shape = OldDataShape()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=shape.generations, help="default: %(default)s")
    parser.add_argument("--projects", type=int, default=shape.projects, help="default: %(default)s")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="rounds; each begins with another way")
    parser.add_argument("--parallel", type=int, help="ranges of the run at once, default: BACKFILL_PARALLEL or 2")
    parser.add_argument("--batch-rows", type=int, help="rows per transaction, default: BACKFILL_BATCH_ROWS or 1000")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    if given.repeat < 1:
        parser.error("--repeat must be at least 1")
    return Options(
        shape=OldDataShape(projects=given.projects, generations=given.generations),
        repeat=given.repeat,
        parallel=given.parallel,
        batch_rows=given.batch_rows,
        as_json=given.as_json,
    )


def settings_for(options: Options) -> Settings:
    given = {"parallel": options.parallel, "batch_rows": options.batch_rows}
    settings = load_settings().model_copy(update={"embedded_dir": EMBEDDED_DIR})
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


async def compete(course: Course, rounds: int, console: Console) -> list[dict[str, Measurement]]:
    """Each round begins with another way, so that none always has the warmest server."""
    measured = []
    for number in range(rounds):
        first = number % len(WAYS)
        results = {}
        for way in WAYS[first:] + WAYS[:first]:
            results[way] = await measure(course, way)
            console.print(f"round {number + 1}: {way}: {results[way].seconds:.2f} s")
        if len({result.digest for way, result in results.items() if way != FLOOR}) != 1:
            raise RuntimeError("the ways came to different results")
        measured.append(results)
    return measured


async def benchmark(options: Options, progress: Console) -> None:
    settings = settings_for(options)
    with servers(settings) as urls:
        progress.print(f"Preparing {options.shape.size}.")
        async with prepared(urls.database_url, options.shape) as template_url:
            course = Course(urls=urls, template_url=template_url, settings=settings)
            rounds = await compete(course, options.repeat, progress)
    summaries = summarize(rounds, SINGLE)
    if options.as_json:
        print(json.dumps(document(summaries, options.repeat), indent=2))
        return
    title = f"{options.shape.size}, {counted(settings.parallel, 'range')}"
    show(
        answer_console(),
        summaries,
        title=f"{title} at once, {counted(settings.batch_rows, 'row')}",
        rows=options.shape.generations,
    )


def main() -> int:
    return ended(lambda: asyncio.run(benchmark(options_from(sys.argv[1:]), answer_console(stderr=True))))


if __name__ == "__main__":
    sys.exit(main())
