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
from backfill.definitions import Definition, discover
from backfill.definitions.parameters import schema_of
from backfill.engine.preflight import NONE_KNOWN
from backfill.engine.steering import Steering
from backfill.runs.record import Run
from backfill.runs.terms import FIRST_VERSION
from backfill.runs.times import clock_time, timestamp
from backfill.runs.wording import ended
from backfill.runs.workers import HeldTask, LiveWorker, worker_document
from backfill.settings import load_settings
from backfill.shipped import start_a_worker

# Far more than there are backfills; the runs of one that is older than so many others are not looked for.
RUNS_LOOKED_AT = 100
NO_WORKER = "No worker is alive; start one: {command}"
_DOING = {"plan": "plans", "settle": "settles", "check": "verifies", "finish": "finishes"}


def list_backfills(json: Json = False) -> None:
    """List the backfills: what each does, and how its last run is or ended."""
    last_runs = with_runs(_last_runs)
    found = discover(load_settings().definitions)
    known = found.definitions.values()
    if json:
        documents = [_backfill_document(one, last_runs.get(one.name)) for one in known]
        unread = [{"place": one.place, "error": one.error} for one in found.broken]
        write_json({"backfills": documents, "not_read": unread})
        return
    for one in found.broken:
        say(f"Not read: {one}.")
    if not known:
        say(NONE_KNOWN)
        return
    header = _header("backfill", "last run", "", "at, UTC", "what it does")
    print_rows(answer_console(), [header, *(_backfill_row(one, last_runs.get(one.name)) for one in known)])


async def _last_runs(runs: Steering) -> Mapping[str, Run]:
    return {run.backfill: run for run in reversed(await runs.recent(RUNS_LOOKED_AT))}


def _backfill_document(definition: Definition, last: Run | None) -> dict[str, Any]:
    run = last and {"id": last.id, "state": last.state.value, "updated_at": timestamp(last.updated_ms)}
    return {
        "name": definition.name,
        "about": definition.about,
        "version": definition.version,
        "parameters": None if definition.parameters is None else schema_of(definition.parameters),
        "database": definition.database or None,
        "last_run": run,
    }


def _backfill_row(definition: Definition, last: Run | None) -> Row:
    if last is None:
        return definition.name, "none", "", "", definition.about
    return definition.name, last.id, state_text(last), clock_time(last.updated_ms)[:16], definition.about


def workers(json: Json = False) -> None:
    """List the workers that are alive: where, since when, what they serve and do not serve, what each works on."""
    alive = with_runs(lambda runs: runs.workers())
    if json:
        write_json({"workers": [worker_document(worker) for worker in alive]})
        return
    if not alive:
        say(NO_WORKER.format(command=start_a_worker()))
        return
    console = answer_console()
    header = _header("host", "pid", "version", "up since, UTC", "serves", "works on")
    print_rows(console, [header, *(_worker_row(worker) for worker in alive)], right=(1,))
    for words in _not_served(alive):
        console.print(words)


def _worker_row(worker: LiveWorker) -> Row:
    since = "unknown" if worker.started_ms is None else clock_time(worker.started_ms)[:16]
    serves = ", ".join(_in_version(name, worker.versions) for name in worker.backfills) or (
        "unknown" if worker.version is None else "nothing"
    )
    works = ", ".join(_held(task) for task in worker.holds) or "nothing now"
    return worker.host, str(worker.pid), worker.version or "unknown", since, serves, works


def _in_version(name: str, versions: Mapping[str, str]) -> str:
    version = versions.get(name, FIRST_VERSION)
    return name if version == FIRST_VERSION else f"{name} (version {version})"


def _held(task: HeldTask) -> str:
    range_words = "" if task.range_index is None else f" range {task.range_index}"
    return f"run {task.run_id}: {_DOING.get(task.task, task.task)}{range_words}"


def _not_served(alive: Sequence[LiveWorker]) -> Iterator[str]:
    for worker in alive:
        for name, reason in worker.not_served.items():
            yield f"{worker.host}:{worker.pid} does not serve {name}: {ended(reason)}"


def _header(*columns: str) -> Row:
    return [Text(column, style="dim") for column in columns]
