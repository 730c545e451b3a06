"""Rows per second of a set-based backfill against django-maintenance-tasks, on the same rows in one run.

a  django-maintenance-tasks: an ORM object for each row, a save for each; it verifies nothing
b  our run at full pace: an arq worker, enqueue, until it has succeeded, its verification included

Both on copies of one database of --rows narrow rows. The first is given the first --peer-rows of them: it goes on as it
began. It needs Python 3.12 or newer: --peer-python, or else a python3.13 or python3.12 on the PATH. With that an
environment of its own is made at the first use, .venv-peers, with what the extra `bench` of this project names.

Exits with 0 whoever wins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backfill.cli.output import answer_console
from backfill.opening import servers
from backfill.settings import load_settings
from benchmarks import columns
from benchmarks.databases import copied, environment
from benchmarks.goals import Goal, show_goals
from benchmarks.peer_environment import peer_python
from benchmarks.running import ended
from benchmarks.throughput import EMBEDDED_DIR

LEAST_TIMES = 15.0
TASK = Path(__file__).with_name("peer_task.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    rows: int
    peer_rows: int
    peer_batch: int
    peer_python: Path | None
    parallel: int
    as_json: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    peer_rows_per_second: float
    our_rows_per_second: float

    @property
    def times(self) -> float:
        return self.our_rows_per_second / self.peer_rows_per_second


def options_from(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--peer-rows", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--peer-batch", type=int, default=100, help="its own default: %(default)s")
    parser.add_argument("--peer-python", type=Path, metavar="FILE", help="3.12 or newer, to make it with")
    parser.add_argument("--parallel", type=int, default=4, help="ranges at once, default: %(default)s")
    parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document on stdout")
    return Options(**vars(parser.parse_args(arguments)))


async def peer_run(python: Path, server_url: str, template_url: str, options: Options) -> float:
    """Rows per second."""
    async with copied(server_url, template_url) as url:
        process = await asyncio.create_subprocess_exec(
            *(str(python), str(TASK), str(options.peer_rows), str(options.peer_batch)),
            env=environment(DATABASE_URL=url),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"it ended with {process.returncode}")
    told = json.loads(said)
    if (told["status"], told["rows"]) != ("succeeded", options.peer_rows):
        raise RuntimeError(f"it has not come to its end: {told}")
    return float(told["rows"] / told["seconds"])


async def compare(python: Path, options: Options) -> Compared:
    ours = columns.Options(rows=options.rows, repeat=1, parallel=options.parallel, batch_rows=10_000, as_json=False)
    settings = load_settings().model_copy(
        update={"embedded_dir": EMBEDDED_DIR, "parallel": ours.parallel, "batch_rows": ours.batch_rows}
    )
    with servers(settings) as urls:
        async with columns.prepared(urls.database_url, options.rows) as template_url:
            peer = await peer_run(python, urls.database_url, template_url, options)
            stopwatch, _, _ = await columns.our_run(urls, template_url, settings, ours)
    return Compared(peer_rows_per_second=peer, our_rows_per_second=options.rows / stopwatch.seconds)


def show(compared: Compared, options: Options) -> None:
    goal = Goal(what="rows/s, to those of django-maintenance-tasks", value=compared.times, least=LEAST_TIMES)
    if options.as_json:
        print(json.dumps({**asdict(compared), "times": compared.times, "goals": [goal.document()]}))
        return
    console = answer_console()
    console.print(f"a  django-maintenance-tasks {compared.peer_rows_per_second:,.0f} rows/s")
    console.print(f"b  our run, verified {compared.our_rows_per_second:,.0f} rows/s")
    show_goals(console, (goal,))


def main() -> int:
    options = options_from(sys.argv[1:])
    return ended(lambda: show(asyncio.run(compare(peer_python(options.peer_python), options)), options))


if __name__ == "__main__":
    sys.exit(main())
