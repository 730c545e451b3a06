"""`backfill status`, `watch`, `wait` and `events`: look at a run, once or until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

from backfill.cli.following import Changing, Whereabouts, follow, judge
from backfill.cli.goals import Goal, judge_goals, parse_goals
from backfill.cli.options import Json, RunId
from backfill.cli.output import answer_console, say, write_json
from backfill.cli.panel import print_run, print_runs
from backfill.cli.steering import with_runs
from backfill.cli.watching import print_outcome
from backfill.cli.watching import watch as watch_run
from backfill.engine.steering import Steering, event_document
from backfill.runs.errors import UsageError, WaitTimedOut
from backfill.runs.outlook import outcome_of
from backfill.runs.record import Run, run_document
from backfill.runs.telling import sentence_of
from backfill.runs.times import clock_time

MOST_RUNS = 100


def status(
    run: RunId = None,
    every: Annotated[bool, typer.Option("--all", help="List the newest runs instead of showing one.")] = False,
    json: Json = False,
) -> None:
    """Show a run as it is now, or list the newest runs."""
    if every and run is not None:
        raise UsageError("--all lists runs and takes no RUN.", "Leave out one of the two.")
    if every:
        _list_runs(json)
        return
    found = with_runs(lambda runs: runs.get(run))
    if json:
        write_json(run_document(found))
    else:
        print_run(answer_console(), found)


def _list_runs(json: bool) -> None:
    runs = with_runs(lambda runs: runs.recent(MOST_RUNS))
    if json:
        write_json({"runs": [run_document(run) for run in runs]})
    elif runs:
        print_runs(answer_console(), runs)
    else:
        say("There is no run yet. Start one: backfill enqueue")


def watch(run: RunId = None, json: Json = False) -> None:
    """Show a run until it ends or is paused: a live bar on a terminal, else a line per change.

    It exits with 0 only if the run has succeeded, and with 3 if it rests for any other reason.
    """
    console, seen = answer_console(), Whereabouts()

    async def show(runs: Steering) -> Run:
        return await watch_run(runs, run, console, json=json, seen=seen)

    ended = with_runs(show, if_interrupted=seen.stopped_watching)
    if not json:
        print_outcome(console, ended)
    judge(ended)


def wait(
    run: RunId = None,
    goals: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="STATE|N%", help="Wait for this instead, and exit 0 then; several: for any of them."
        ),
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0.0, help="Seconds to wait at most; then exit 8.")] = None,
    json: Json = False,
) -> None:
    """Wait until a run has ended or is paused, without a word unless something needs attention.

    It exits with 0 only if the run has succeeded, and with 3 if it rests for any other reason. With --for it exits with
    0 as soon as the run is there, and with 3 if it comes to rest elsewhere.
    """
    wanted, seen = parse_goals(goals or ()), Whereabouts()

    async def until_there(runs: Steering) -> Run:
        try:
            async with asyncio.timeout(timeout) as limit:
                is_there = partial(_any_is_met, wanted)
                return await follow(runs, run, until=is_there, show=_quietly(limit, seen))
        except TimeoutError as error:
            what = f"is not {' or '.join(goal.words for goal in wanted)}" if wanted else "has not ended"
            raise WaitTimedOut(
                f"The run {what} after {timeout:g} seconds; {seen.words()}.", "Look at it: backfill status."
            ) from error

    found = with_runs(until_there, if_interrupted=lambda: f"Stopped waiting; {seen.words()}.")
    if json:
        write_json(run_document(found))
    if wanted:
        judge_goals(found, wanted)
        return
    judge(found)
    if not json and not found.counts.rows_written:
        say(outcome_of(found) or "")


def _any_is_met(goals: Sequence[Goal], run: Run) -> bool:
    return any(goal.is_met(run) for goal in goals)


def events(run: RunId = None, json: Json = False) -> None:
    """List what happened to a run, oldest first: changes of state and who asked, units set aside for good."""
    found = with_runs(lambda runs: runs.events(run))
    if json:
        write_json({"events": [event_document(event) for event in found]})
        return
    console = answer_console()
    for event in found:
        console.print(f"{clock_time(event.at_ms)}  {sentence_of(event.kind, event.about)}")


def _quietly(limit: asyncio.Timeout, seen: Whereabouts) -> Callable[[Run], None]:
    """Says only what needs attention, and when that is over. Raises TimeoutError past the limit."""
    attention = Changing()

    def show(run: Run) -> None:
        seen.saw(run)
        if limit.expired():
            # The client of Redis can swallow a cancellation (asyncio.wait_for before Python 3.12).
            raise TimeoutError
        if told := attention.told(run):
            say(f"Run {run.id}: {told}")

    return show
