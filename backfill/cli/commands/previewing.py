"""`backfill preview`: what a run would do on this database, and how long it would take; nothing of it stays."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

import typer

from backfill.cli.foretelling import print_preview
from backfill.cli.options import (
    BackfillChoice,
    BatchRows,
    Json,
    Mode,
    Parallel,
    PauseMs,
    RowsPerSecond,
    TargetMs,
    pace_changes,
)
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.parameters import Param, ParamsFile, given_parameters
from backfill.cli.session import with_backfills
from backfill.engine.contracts import Backfills
from backfill.engine.preflight import the_only_one
from backfill.engine.previewing import Sampling
from backfill.engine.previewing import preview as preview_run
from backfill.lookout import look_once
from backfill.runs.pace import AUTOPILOT, Pace
from backfill.runs.preview import Preview
from backfill.runs.readings import Reading
from backfill.settings import Settings, load_settings
from backfill.wiring import default_pace

Seconds = Annotated[
    float, typer.Option(min=0.0, max=600.0, help="Seconds that the sample of batches takes; 0: no sample, no forecast.")
]


def preview(  # noqa: PLR0917 - typer passes options by name
    name: BackfillChoice = None,
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    mode: Mode = None,
    param: Param = None,
    params: ParamsFile = None,
    seconds: Seconds = 5.0,
    json: Json = False,
) -> None:
    """Say what a run at this pace would do, with evidence: plans, a sample that is rolled back, how long it takes.

    No value in the database is changed. It needs no Redis and no worker; for the sample, the worker's role.
    """
    changes = pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second)
    paces: list[Pace] = []

    def at_pace(settings: Settings) -> Settings:
        paces.append(default_pace(settings, mode).with_changes(changes))
        return settings.model_copy(update={"parallel": paces[0].parallel})

    async def look(known: Backfills) -> Preview:
        def announce() -> None:
            say(f"Trying batches out for {seconds:g} s; each is rolled back.")

        sampling = Sampling(seconds=seconds, stopwatch=time.monotonic, announce=announce)
        wanted = name or the_only_one(known.bound)
        given = given_parameters(known, wanted, param, params)
        seen = await preview_run(known.find(wanted, given), paces[0], sampling)
        readings = await _readings(paces[0], known.databases.get(wanted, ""))
        return replace(seen, terms=known.terms(wanted, given), readings=readings)

    seen = with_backfills(look, at_pace)
    if json:
        write_json(seen.document())
    else:
        print_preview(answer_console(), seen)


async def _readings(pace: Pace, database: str) -> tuple[Reading, ...]:
    return await look_once(load_settings(), database) if pace.mode == AUTOPILOT else ()
