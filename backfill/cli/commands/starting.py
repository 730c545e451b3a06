"""`backfill enqueue`: ask for a run at some pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from backfill.cli.following import Whereabouts, judge
from backfill.cli.options import (
    BackfillChoice,
    BatchRows,
    Json,
    Mode,
    NotBefore,
    NoteText,
    Parallel,
    PauseMs,
    RowsPerSecond,
    TargetMs,
    WindowText,
    pace_changes,
)
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.parameters import Param, ParamsFile, given_parameters
from backfill.cli.session import with_service
from backfill.cli.steering import who_asks
from backfill.cli.watching import print_outcome
from backfill.cli.watching import watch as watch_run
from backfill.engine.preflight import the_only_one
from backfill.runs.attention import Kind, attention_of
from backfill.runs.outlook import next_of
from backfill.runs.record import Run, run_document
from backfill.runs.schedule import ScheduleChanges
from backfill.shipped import start_a_worker
from backfill.wiring import Service, default_pace, schedule_for

EMPTY = "The tables are empty, so there will be nothing to do. Should there be rows? See where DATABASE_URL leads to."
NO_WORKER = "No worker is alive; it waits until you start one: {command}"

IdempotencyKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="The same key again gives the run of the first time.")
]
NeedsApproval = Annotated[
    bool, typer.Option("--needs-approval", help="Only propose it: somebody else lets it begin with backfill approve.")
]
Confirm = Annotated[
    bool, typer.Option("--confirm", help="Yes to what the backfill asks first; the same as --param confirm=true.")
]
Watch = Annotated[bool, typer.Option("--watch", help="Show it until it ends, with the exit codes of watch.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run as it was asked for."""

    name: str | None
    mode: str | None
    changes: Mapping[str, int | None]
    param: list[str]
    params: str | None
    schedule: ScheduleChanges
    needs_approval: bool
    idempotency_key: str | None
    note: str | None

    async def start(self, service: Service) -> Run:
        name = self.name or the_only_one(service.control.backfills)
        run, is_new = await service.control.enqueue(
            name,
            default_pace(service.settings, self.mode).with_changes(self.changes),
            requested_by=who_asks(),
            idempotency_key=self.idempotency_key,
            note=self.note,
            parameters=given_parameters(service.control.known, name, self.param, self.params),
            needs_approval=self.needs_approval or service.settings.require_approval,
            schedule=schedule_for(service.settings, self.schedule),
        )
        if not is_new:
            say("This request was made before; this is its run.")
        elif not await service.control.has_units(run):
            say(EMPTY)
        return run


def enqueue(  # noqa: PLR0917 - typer passes options by name
    name: BackfillChoice = None,
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    mode: Mode = None,
    param: Param = None,
    params: ParamsFile = None,
    confirm: Confirm = False,
    window: WindowText = None,
    not_before: NotBefore = None,
    needs_approval: NeedsApproval = False,
    idempotency_key: IdempotencyKey = None,
    note: NoteText = None,
    watch: Watch = False,
    json: Json = False,
) -> None:
    """Start a run, at the pace that the settings say or that is given; workers take it up at once.

    It is refused while another run of the backfill is active, and before the migration. With --watch it shows the run
    as `backfill watch` does, and ends with its exit codes.
    """
    wanted = Wanted(
        name=name,
        mode=mode,
        changes=pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second),
        param=[*(param or ()), *(["confirm=true"] if confirm else ())],
        params=params,
        schedule=ScheduleChanges(window=window, not_before=not_before),
        needs_approval=needs_approval,
        idempotency_key=idempotency_key,
        note=note,
    )
    _ask_for(wanted, watch=watch, json=json)


def _ask_for(wanted: Wanted, *, watch: bool, json: bool) -> None:
    console, seen = answer_console(), Whereabouts()

    async def start(service: Service) -> Run:
        run = await wanted.start(service)
        return await watch_run(service.control, run.id, console, json=json, seen=seen) if watch else run

    run = with_service(start, if_interrupted=seen.stopped_watching)
    (_tell_end if watch else _tell_beginning)(run, json=json)


def _tell_end(run: Run, *, json: bool) -> None:
    if not json:
        print_outcome(answer_console(), run)
    judge(run)


def _tell_beginning(run: Run, *, json: bool) -> None:
    attention = attention_of(run)
    if attention:
        is_none = attention.kind is Kind.NO_WORKER
        say(NO_WORKER.format(command=start_a_worker()) if is_none else attention.sentence)
    if json:
        write_json(run_document(run))
    else:
        following = (
            (run.waits and f"It is {run.waits}. Watch it: backfill watch {run.id}")
            or next_of(run)
            or f"Watch it: backfill watch {run.id}"
        )
        words = f"Run {run.id} of {run.backfill} is {run.state}. {following}"
        answer_console().print(words)
