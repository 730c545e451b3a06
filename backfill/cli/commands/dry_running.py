"""`backfill dry-run`: go through the units as a run does, roll everything back, and say what would come of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from backfill.cli.foretelling import bytes_in_words
from backfill.cli.options import (
    BackfillChoice,
    BatchRows,
    Json,
    Parallel,
    PauseMs,
    RowsPerSecond,
    TargetMs,
    pace_changes,
)
from backfill.cli.output import answer_console, duration, number, say, write_json
from backfill.cli.panel import pace_words
from backfill.cli.parameters import Param, ParamsFile, given_parameters
from backfill.cli.rows import print_facts
from backfill.cli.session import with_backfills
from backfill.engine.contracts import Backfills
from backfill.engine.dry_running import Reach, dry_run
from backfill.engine.preflight import the_only_one
from backfill.runs.dry_run import DryRun
from backfill.runs.errors import RunFailed
from backfill.runs.pace import Pace
from backfill.runs.parameters import in_words, load_parameters
from backfill.runs.wording import counted, ended
from backfill.settings import Settings
from backfill.wiring import default_pace

GROUPS_SHOWN = 10

Seconds = Annotated[
    float, typer.Option(min=0.1, max=86_400.0, help="Seconds that it may take; what it sees is scaled up.")
]
All = Annotated[bool, typer.Option("--all", help="Go through all units, however long it takes.")]


def dry_run_command(  # noqa: PLR0917 - typer passes options by name
    name: BackfillChoice = None,
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    param: Param = None,
    params: ParamsFile = None,
    seconds: Seconds = 30.0,
    every: All = False,
    json: Json = False,
) -> None:
    """Go through the units at this pace and roll every batch back: what would be written, what refused and why.

    Nothing is kept and no run is made. It needs no Redis and no worker, but the worker's role. Exit code 3: units are
    refused, so that a run would end failed.
    """
    changes = pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second)
    paces: list[Pace] = []

    def at_pace(settings: Settings) -> Settings:
        paces.append(default_pace(settings).with_changes(changes))
        return settings.model_copy(update={"parallel": paces[0].parallel})

    async def go(known: Backfills) -> DryRun:
        wanted = name or the_only_one(known.bound)
        given = given_parameters(known, wanted, param, params)
        reach = Reach(seconds=None if every else seconds, stopwatch=time.monotonic, announce=lambda: say(BEGINS))
        return replace(await dry_run(known.find(wanted, given), paces[0], reach), terms=known.terms(wanted, given))

    _tell(with_backfills(go, at_pace), json=json)


BEGINS = "Trying the batches of a run; each is rolled back."


def _tell(seen: DryRun, *, json: bool) -> None:
    if json:
        write_json(seen.document())
    else:
        _print(answer_console(), seen)
    if seen.units_refused:
        what = f"A run would end failed: {counted(seen.units_refused, 'unit')} of those tried would be quarantined."
        raise RunFailed(what, "Mend what the errors name, then try again.")


def _print(console: Console, seen: DryRun) -> None:
    console.print(Text.assemble((seen.backfill, "bold"), "  dry run, rolled back"))
    print_facts(console, list(_facts(seen)))


def _facts(seen: DryRun) -> Iterator[tuple[str, str]]:
    tried, about = seen.tried, "" if seen.complete else "about "
    if seen.terms.parameters:
        yield "parameters", in_words(load_parameters(seen.terms.parameters))
    yield "pace", ", ".join(pace_words(seen.pace))
    of_all = "all" if seen.complete else f"of {number(seen.units_total)}"
    yield "tried", f"{counted(tried.units, 'unit')} ({of_all}) in {duration(seen.seconds)}, {tried.batches} batches"
    yield "writes", f"{about}{counted(seen.rows_expected, 'row')}" + _seen(seen, counted(tried.rows, "row"))
    if seen.seconds_expected is not None:
        yield "takes", f"about {duration(seen.seconds_expected)}, and the time of the verification"
    yield "WAL", "not measured" if seen.wal_expected is None else f"about {bytes_in_words(seen.wal_expected)}"
    yield "refuses", f"{about}{counted(seen.refused_expected, 'unit')}" + _seen(seen, number(seen.units_refused))
    for group in seen.refused[:GROUPS_SHOWN]:
        reason = ", ".join(part for part in (group.sqlstate, group.constraint) if part)
        units = ", ".join(group.units[:3])
        yield "", f"{counted(group.count, 'unit')}: {group.error}{f' ({reason})' if reason else ''}, such as {units}"
    if tried.contended or tried.too_slow:
        yield (
            "left out",
            f"{tried.contended} locked by others, {tried.too_slow} for small parts: a run tries them again",
        )
    yield from _verification(seen)


def _seen(seen: DryRun, words: str) -> str:
    return "" if seen.complete else f" ({words} seen)"


def _verification(seen: DryRun) -> Iterator[tuple[str, str]]:
    broken = sum(finding.is_error for finding in seen.findings)
    words = f"{counted(broken, 'rule')} broken" if broken else "no errors"
    yield "before", f"{counted(seen.units_checked, 'unit')} verified: {words}"
    for finding in seen.findings:
        severity = "ERROR" if finding.is_error else "WARNING"
        yield "", f"{severity} {finding.rule}: {number(finding.count)}. {ended(finding.remedy)}".rstrip()
