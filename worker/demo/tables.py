"""The end of the demo on a page: what the run did, what the application noticed, and what to type next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from rich.table import Table
from rich.text import Text

from backfill.cli.output import duration, number
from backfill.cli.rows import print_facts
from backfill.cli.verdict import Status
from backfill.masking import mask_passwords
from backfill.runs.wording import counted
from worker.demo.files import FILES
from worker.demo.narration import INDENT, Narrator
from worker.demo.old_application import PhaseSummary
from worker.demo.old_application.transactions import delete_generation
from worker.demo.report import Backfilled, FilesBrought, Report, Verification
from worker.demo.stage import OWN_DATABASE, Stage

FAILURES_SHOWN = 5
DELETE = delete_generation.__name__


def show(narrator: Narrator, report: Report) -> None:
    narrator.headline("The run")
    facts = [*_run_facts(report.backfilled), *_verification_facts(report.verification)]
    print_facts(narrator.console, facts, indent=INDENT)
    if report.phases:
        narrator.headline("What the application noticed")
        narrator.console.print(_phases(report.phases))
        if _longest_kind(report.phases) == DELETE:
            narrator.say("The longest are deletes: each reads the whole table, with or without us.", style="dim")
        for line in _failures(report.phases):
            narrator.say(line, style="red")
    if report.files is not None:
        show_files(narrator, report.files)
    narrator.console.print()
    if report.shortcomings:
        narrator.say(f"Not as promised: {'; '.join(report.shortcomings)}.", style="bold red")
    else:
        words = "Verified, and the application saw no error." if report.phases else "Verified."
        narrator.say(f"Done in {duration(report.seconds)}. {words}", style="bold green")


def show_files(narrator: Narrator, brought: FilesBrought) -> None:
    narrator.headline("The files")
    print_facts(narrator.console, [*_file_facts(brought)], indent=INDENT)
    narrator.headline("One project, as it lies there now")
    for line in brought.tree:
        narrator.say(line, style="dim")


def _file_facts(brought: FilesBrought) -> Iterator[tuple[str, str]]:
    done, account = brought.files, brought.account
    yield "before", f"{counted(brought.old.files, 'file')} in flat folders, zips and rows beside them"
    yield "brought over", f"{counted(done.run.counts.rows_written, 'generation')}"
    if done.settling_seconds is not None:
        kill = ", the time without a worker included" if done.takeover else ""
        yield "time", f"{done.settling_seconds:.1f} s{kill}"
    reads, writes = account.reads.total(), account.writes.total()
    yield "meanwhile", f"{counted(reads, 'read')} and {counted(writes, 'write')} of the application, in both layouts"
    yield "reads failed", number(account.failed_count)
    yield "wrong bytes", number(account.wrong_count)


def _run_facts(done: Backfilled) -> Iterator[tuple[str, str]]:
    counts = done.run.counts
    yield "rows", f"{number(counts.rows_written)} written, in {counted(counts.units_done, 'project')}"
    if done.settling_seconds is not None and done.rows_per_second is not None:
        kill = ", the time without a worker included" if done.takeover else ""
        yield "time", f"{done.settling_seconds:.1f} s, {number(round(done.rows_per_second))} rows/s{kill}"
    if done.takeover is not None:
        share = f"at {done.takeover.fraction:.0%}"
        yield "kill -9", f"{share}; another worker went on after {done.takeover.seconds:.1f} s"
    if done.verifying_seconds is not None:
        yield "verified", f"in {done.verifying_seconds:.1f} s, as the last part of the run"


def _verification_facts(verification: Verification) -> Iterator[tuple[str, str]]:
    outcomes = verification.outcomes
    held = len(outcomes) - len(verification.unproven)
    yield (
        "verified again",
        f"{held} of {counted(len(outcomes), 'rule')} hold, {counted(verification.units, 'project')}, nobody writing",
    )
    for outcome in outcomes:
        if outcome.status is not Status.OK:
            exceptions = f": all but {number(outcome.count)}" if outcome.count else ""
            yield outcome.status.value, f"{outcome.title}{exceptions}"


def _phases(phases: tuple[PhaseSummary, ...]) -> Table:
    """A column per phase, so that with and without the backfill stand side by side."""
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim", no_wrap=True)
    for _ in phases:
        table.add_column(justify="right", no_wrap=True)
    table.add_row("", *(Text(phase.phase, style="bold") for phase in phases))
    table.add_row(f"{INDENT}seconds", *(f"{phase.seconds:.1f}" for phase in phases))
    table.add_row(f"{INDENT}transactions", *(number(phase.transactions) for phase in phases))
    table.add_row(f"{INDENT}errors", *(_count_text(phase.errors) for phase in phases))
    if any(phase.missed for phase in phases):
        table.add_row(f"{INDENT}given up waiting", *(_count_text(phase.missed) for phase in phases))
    table.add_row(f"{INDENT}p50, ms", *(_ms(phase.p50_ms) for phase in phases))
    table.add_row(f"{INDENT}p99, ms", *(_ms(phase.p99_ms) for phase in phases))
    table.add_row(f"{INDENT}longest, ms", *(_ms(phase.max_ms) for phase in phases))
    return table


def _count_text(count: int) -> Text:
    return Text(number(count), style="bold red" if count else "green")


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if value < 100 else number(round(value))


def _longest_kind(phases: tuple[PhaseSummary, ...]) -> str | None:
    """The kind of transaction that took longest of all."""
    longest = {name: kind.max_ms or 0.0 for phase in phases for name, kind in phase.kinds.items()}
    return max(longest, key=lambda name: longest[name], default=None)


def _failures(phases: tuple[PhaseSummary, ...]) -> Iterator[str]:
    for phase in phases:
        for failure in phase.failures[:FAILURES_SHOWN]:
            yield f"{phase.phase}: {failure.count} x {failure.kind}: {failure.message} ({failure.sqlstate})"


def show_next_steps(narrator: Narrator, report: Report) -> None:
    """Commands that work as they are printed, except for a password, which is never printed."""
    stage, run_id = report.stage, report.backfilled.run.id
    narrator.headline("Everything is still there. Look at it yourself:")
    if not stage.is_embedded:
        narrator.command(" ".join(["export", *_exports(stage)]))
    program = _program("backfill")
    if report.files is not None:
        names = ("BACKFILL_DEFINITIONS", "FILE_STORAGE_PATH")
        narrator.command(" ".join(["export", *(f"{name}={stage.environment[name]}" for name in names)]))
        narrator.command(f"{program} verify --backfill {FILES}")
    narrator.command(f"{program} status")
    narrator.command(f"{program} verify --backfill {report.backfilled.run.backfill}")
    narrator.command(f"{_program('python')} scripts/validate_migration.py")
    narrator.command(f"{program} serve", "and in another terminal:")
    host, port = stage.settings.http_host, stage.settings.http_port
    narrator.command(f"curl -s http://{host}:{port}/v1/runs/{run_id}")


def _exports(stage: Stage) -> Iterator[str]:
    yield f"BACKFILL_REDIS_PREFIX={stage.redis_prefix}"
    url = urlsplit(stage.urls.database_url)
    given = urlsplit(os.environ.get("DATABASE_URL", ""))
    if url.password and given.path.count("/") == 1 and not given.query:
        yield f'DATABASE_URL="${{DATABASE_URL%/*}}/{OWN_DATABASE}"'
    else:
        yield f"DATABASE_URL='{mask_passwords(stage.urls.database_url)}'"
    if "REDIS_URL" not in os.environ:
        yield f"REDIS_URL='{mask_passwords(stage.urls.redis_url)}'"


def _program(name: str) -> str:
    """As it is to be typed here: its bare name if the PATH leads to the one beside our interpreter."""
    beside_us = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if found is not None and Path(found) == beside_us:
        return name
    try:
        return str(beside_us.relative_to(Path.cwd()))
    except ValueError:
        return str(beside_us)
