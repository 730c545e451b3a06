"""`backfill enqueue` and `backfill set`: ask for a run at some pace, and change the pace while it goes."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.doctor import worker_is_alive
from worker.cli.options import (
    BatchRows,
    Json,
    NoteText,
    Parallel,
    PauseMs,
    RowsPerSecond,
    RunId,
    TargetMs,
    pace_changes,
)
from worker.cli.output import answer_console, say, write_json
from worker.cli.session import who_asks, with_service
from worker.runs.errors import UsageError
from worker.runs.record import Run, run_document
from worker.wiring import Service, default_pace

NO_WORKER = "No worker is alive; it waits until you start one: arq worker.main.WorkerSettings"

IdempotencyKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="The same key again gives the run of the first time.")
]


def enqueue(  # noqa: PLR0917 - typer passes options by name
    name: Annotated[str, typer.Argument(metavar="NAME", help="The backfill, for instance generation-versions.")],
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    idempotency_key: IdempotencyKey = None,
    note: NoteText = None,
    json: Json = False,
) -> None:
    """Start a run, at the pace that the settings say or that is given; workers take it up at once.

    It is refused while another run of the backfill is active, and before the migration.
    """
    changes = pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second)

    async def start(service: Service) -> tuple[Run, bool, bool]:
        pace = default_pace(service.settings).with_changes(changes)
        run, is_new = await service.control.enqueue(
            name, pace, requested_by=who_asks(), idempotency_key=idempotency_key, note=note
        )
        return run, is_new, await worker_is_alive(service)

    run, is_new, alive = with_service(start)
    if not is_new:
        say("This request was made before; this is its run.")
    if not alive and not run.done:
        say(NO_WORKER)
    _tell(run, f"is {run.state}. Watch it: backfill watch {run.id}", json=json)


def set_pace(  # noqa: PLR0917 - typer passes options by name
    run: RunId = None,
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    note: NoteText = None,
    json: Json = False,
) -> None:
    """Change the pace of a run while it goes; what is not given stays, and workers follow within a batch."""
    changes = pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second)
    if note is None and all(value is None for value in changes.values()):
        raise UsageError("There is nothing to set.", "Give at least one option; backfill set --help lists them.")
    changed = with_service(lambda service: service.control.set_pace(run, changes, who=who_asks(), note=note))
    pace = ", ".join(f"{name} {value}" for name, value in changed.pace.document().items())
    _tell(changed, f"now has the pace {pace}.", json=json)


def _tell(run: Run, words: str, *, json: bool) -> None:
    if json:
        write_json(run_document(run))
    else:
        answer_console().print(f"Run {run.id} of {run.backfill} {words}", soft_wrap=True)
