"""`backfill status`, `watch`, `wait` and `events`: look at a run, once or until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import typer

from worker.cli.following import follow
from worker.cli.options import Json, RunId
from worker.cli.output import answer_console, say, write_json
from worker.cli.panel import print_run, print_runs
from worker.cli.session import with_service
from worker.cli.watching import watch as watch_run
from worker.engine.protocols import Event
from worker.runs.errors import RunFailed, UsageError, WaitTimedOut
from worker.runs.record import Run, run_document
from worker.runs.states import DONE, State
from worker.runs.telling import sentence_of
from worker.runs.times import clock_time, timestamp
from worker.wiring import Service

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
    found = with_service(lambda service: service.control.get(run))
    if json:
        write_json(run_document(found))
    else:
        print_run(answer_console(), found)


def _list_runs(json: bool) -> None:
    runs = with_service(lambda service: service.control.recent(MOST_RUNS))
    if json:
        write_json({"runs": [run_document(run) for run in runs]})
    elif runs:
        print_runs(answer_console(), runs)
    else:
        say("There is no run yet. Start one: backfill enqueue generation-versions")


def watch(run: RunId = None, json: Json = False) -> None:
    """Show a run until it ends or is paused: a live bar on a terminal, else a line per change."""
    console = answer_console()

    async def show(service: Service) -> Run:
        return await watch_run(service.control, run, console, json=json)

    _judge(with_service(show, if_interrupted="Stopped watching; the run goes on. To stop it: backfill pause"))


def wait(
    run: RunId = None,
    timeout: Annotated[float | None, typer.Option(min=0.0, help="Seconds to wait at most; then exit 8.")] = None,
    json: Json = False,
) -> None:
    """Wait without a word until a run has ended; a paused run is waited for."""

    async def until_done(service: Service) -> Run:
        try:
            async with asyncio.timeout(timeout) as limit:
                return await follow(service.control, run, until=DONE, show=_quietly(limit))
        except TimeoutError as error:
            raise WaitTimedOut(
                f"The run has not ended within {timeout:g} seconds; it goes on.", "Look at it: backfill status."
            ) from error

    ended = with_service(until_done, if_interrupted="Stopped waiting; the run goes on.")
    if json:
        write_json(run_document(ended))
    _judge(ended)


def events(run: RunId = None, json: Json = False) -> None:
    """List what happened to a run, oldest first: changes of state and who asked, units set aside for good."""
    found = with_service(lambda service: service.control.events(run))
    if json:
        write_json({"events": [_event_document(event) for event in found]})
        return
    console = answer_console()
    for event in found:
        console.print(f"{clock_time(event.at_ms)}  {sentence_of(event.kind, event.about)}", soft_wrap=True)


def _event_document(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": timestamp(event.at_ms),
        "kind": event.kind,
        "sentence": sentence_of(event.kind, event.about),
        "about": dict(event.about),
    }


def _quietly(limit: asyncio.Timeout) -> Callable[[Run], None]:
    """Says only that a run is paused, once. Raises TimeoutError past the limit."""
    told: list[str] = []

    def show(run: Run) -> None:
        if limit.expired():
            # The client of Redis can swallow a cancellation (asyncio.wait_for before Python 3.12).
            raise TimeoutError
        if run.state is State.PAUSED and not told:
            told.append(run.id)
            say(f"Run {run.id} is paused. It ends only after: backfill resume {run.id}")

    return show


def _judge(run: Run) -> None:
    """Words for a run at rest; RunFailed where it did not succeed."""
    if run.state is State.PAUSED:
        reason = f": {run.error.rstrip('.')}" if run.error else ""
        say(f"Run {run.id} is paused{reason}. Let it go on: backfill resume {run.id}")
    elif run.state is State.CANCELLED:
        raise RunFailed(f"Run {run.id} was cancelled.", "A new run goes on from there: backfill enqueue.")
    elif run.state is State.FAILED:
        raise RunFailed(
            f"Run {run.id} failed: {run.error or 'no reason was recorded'}.",
            f"See backfill status {run.id}; when it is mended: backfill retry {run.id}.",
        )
