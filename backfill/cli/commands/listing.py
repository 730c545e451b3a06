"""`backfill list` and `backfill workers`: what there is to run, and who is there to do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from backfill.cli.options import Json
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.rows import Row, print_rows
from backfill.cli.steering import with_runs
from backfill.cli.words import state_text
from backfill.engine.steering import Steering
from backfill.registry import SHIPPED
from backfill.runs.record import Run
from backfill.runs.times import clock_time, timestamp
from backfill.runs.wording import ended
from backfill.runs.workers import HeldTask, LiveWorker, worker_document

# Far more than there are backfills; the runs of one that is older than so many others are not looked for.
RUNS_LOOKED_AT = 100
NO_WORKER = "No worker is alive; start one: arq worker.main.WorkerSettings"
_DOING = {"plan": "plans", "settle": "settles", "check": "verifies", "finish": "finishes"}


def list_backfills(json: Json = False) -> None:
    """List the backfills: what each does, and how its last run is or ended."""
    last_runs = with_runs(_last_runs)
    if json:
        documents = [_backfill_document(name, about, last_runs.get(name)) for name, about in SHIPPED.items()]
        write_json({"backfills": documents})
        return
    header = _header("backfill", "last run", "", "at, UTC", "what it does")
    print_rows(answer_console(), [header, *(_backfill_row(name, last_runs.get(name)) for name in SHIPPED)])


async def _last_runs(runs: Steering) -> Mapping[str, Run]:
    return {run.backfill: run for run in reversed(await runs.recent(RUNS_LOOKED_AT))}


def _backfill_document(name: str, about: str, last: Run | None) -> dict[str, Any]:
    run = last and {"id": last.id, "state": last.state.value, "updated_at": timestamp(last.updated_ms)}
    return {"name": name, "about": about, "last_run": run}


def _backfill_row(name: str, last: Run | None) -> Row:
    if last is None:
        return name, "none", "", "", SHIPPED[name]
    return name, last.id, state_text(last), clock_time(last.updated_ms)[:16], SHIPPED[name]


def workers(json: Json = False) -> None:
    """List the workers that are alive: where, since when, what they serve and do not serve, what each works on."""
    alive = with_runs(lambda runs: runs.workers())
    if json:
        write_json({"workers": [worker_document(worker) for worker in alive]})
        return
    if not alive:
        say(NO_WORKER)
        return
    console = answer_console()
    header = _header("host", "pid", "version", "up since, UTC", "serves", "works on")
    print_rows(console, [header, *(_worker_row(worker) for worker in alive)], right=(1,))
    for words in _not_served(alive):
        console.print(words)


def _worker_row(worker: LiveWorker) -> Row:
    since = "unknown" if worker.started_ms is None else clock_time(worker.started_ms)[:16]
    serves = ", ".join(worker.backfills) or ("unknown" if worker.version is None else "nothing")
    works = ", ".join(_held(task) for task in worker.holds) or "nothing now"
    return worker.host, str(worker.pid), worker.version or "unknown", since, serves, works


def _held(task: HeldTask) -> str:
    range_words = "" if task.range_index is None else f" range {task.range_index}"
    return f"run {task.run_id}: {_DOING.get(task.task, task.task)}{range_words}"


def _not_served(alive: Sequence[LiveWorker]) -> Iterator[str]:
    for worker in alive:
        for name, reason in worker.not_served.items():
            yield f"{worker.host}:{worker.pid} does not serve {name}: {ended(reason)}"


def _header(*columns: str) -> Row:
    return [Text(column, style="dim") for column in columns]
