"""The demo from the outside: the servers, the signals that end it early, and what is shown at the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer

from backfill.cli.output import say, write_json
from backfill.logging import setup_logging
from backfill.opening import servers
from backfill.runs.errors import RunFailed
from backfill.settings import Settings, load_settings
from worker.demo.narration import Narrator
from worker.demo.report import Report
from worker.demo.scenario import Scenario, perform
from worker.demo.tables import show, show_next_steps

INTRODUCTION = "The whole job on made-up data. Sizes and switches: backfill demo --help"
INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def give_demo(scenario: Scenario, *, json: bool) -> None:
    """Raises RunFailed when something is not as promised, after it has been shown."""
    settings = load_settings()
    setup_logging("WARNING", settings.log_format)
    narrator = Narrator(json=json)
    narrator.headline(INTRODUCTION)
    report = _perform(scenario, settings, narrator)
    show(narrator, report)
    if scenario.keep:
        show_next_steps(narrator, report)
    if json:
        write_json(report.document())
    if report.shortcomings:
        raise RunFailed(f"The demo did not go as promised: {'; '.join(report.shortcomings)}.")


def _perform(scenario: Scenario, settings: Settings, narrator: Narrator) -> Report:
    """Interrupted, it first ends whatever it has started, then exits with the code that a shell gives."""
    received: list[signal.Signals] = []
    try:
        with servers(settings) as given:
            return asyncio.run(_interruptible(perform(scenario, settings, given, narrator), received))
    except KeyboardInterrupt:  # before there was anything to end
        received.append(signal.SIGINT)
    except asyncio.CancelledError:
        if not received:
            raise
    say("Interrupted. Whatever the demo had started has ended.")
    raise typer.Exit(128 + received[0])


async def _interruptible(work: Coroutine[Any, Any, Report], received: list[signal.Signals]) -> Report:
    """The first signal cancels; those after it change nothing, because what they ask for is going on already."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt(number: signal.Signals) -> None:
        if not received:
            received.append(number)
            task.cancel()

    for number in INTERRUPTING:
        loop.add_signal_handler(number, interrupt, number)
    return await task
