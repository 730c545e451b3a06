"""`backfill finish`: a run to its end in the foreground, for whoever has to go on after it, such as a migration."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from backfill.cli.following import Whereabouts, judge
from backfill.cli.options import Json, NameOrOnly
from backfill.cli.output import answer_console, say
from backfill.cli.session import with_service
from backfill.cli.steering import who_asks
from backfill.cli.watching import print_outcome
from backfill.cli.watching import watch as watch_run
from backfill.embedded.children import dying_with_parent
from backfill.engine.preflight import the_only_one
from backfill.masking import mask_passwords
from backfill.runs.errors import ActiveRunExists, RunFailed, WrongState
from backfill.runs.record import Run
from backfill.runs.schedule import ScheduleChanges
from backfill.runs.states import State
from backfill.shipped import worker_settings
from backfill.wiring import Service, default_pace, schedule_for

LEAVE_WITHIN_SECONDS = 30.0
LAST_LINES = 5
LOOK_EVERY_SECONDS = 0.5


def finish(name: NameOrOnly = None, json: Json = False) -> None:
    """Run what is left in the foreground, with a worker of its own, until it is verified.

    A run that is active already is joined. It ends with the exit codes of watch; Ctrl-C stops this worker, and the run
    goes on where other workers are alive.
    """
    console, seen = answer_console(), Whereabouts()

    async def work(service: Service) -> Run:
        run = await _begun(service, name or the_only_one(service.control.backfills))
        if run.state is State.PROPOSED:
            return run
        with _worker() as worker:
            watching = asyncio.create_task(watch_run(service.control, run.id, console, json=json, seen=seen))
            await _until_over(watching, worker)
            return await watching

    run = with_service(work, if_interrupted=lambda: f"Stopped; {seen.words()}. To go on: backfill finish")
    if not json:
        print_outcome(console, run)
    judge(run)


async def _begun(service: Service, name: str) -> Run:
    """A new run, or the one that is active. Raises WrongState for one that somebody has paused."""
    try:
        run, _ = await service.control.enqueue(
            name,
            default_pace(service.settings),
            requested_by=who_asks(),
            needs_approval=service.settings.require_approval,
            schedule=schedule_for(service.settings, ScheduleChanges()),
        )
    except ActiveRunExists as active:
        run = await service.control.get(active.run_id)
        if run.state in {State.PAUSED, State.PAUSING}:
            what = f"Run {run.id} of {name} is {run.state}."
            raise WrongState(what, f"Run `backfill resume {run.id}`, or cancel it; then this again.") from active
        say(f"Run {run.id} is active already; a worker more works on it now.")
    return run


async def _until_over(watching: asyncio.Task[Run], worker: subprocess.Popen[bytes]) -> None:
    """Nobody is to wait for a worker that has ended. Raises RunFailed."""
    while not watching.done():
        await asyncio.wait({watching}, timeout=LOOK_EVERY_SECONDS)
        if worker.poll() is not None and not watching.done():
            watching.cancel()
            await asyncio.wait({watching})
            raise RunFailed(f"The worker has ended (exit code {worker.returncode}).", "Its last lines follow.")


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """For as long as the block lasts; it ends with this process, however that ends."""
    # Beside the interpreter that we run on, whatever PATH says.
    command = [sys.executable, "-m", "arq", worker_settings()]
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509 - this process has one thread
        )
        try:
            yield worker
        finally:
            if worker.poll() is None:
                worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(LEAVE_WITHIN_SECONDS)
            if worker.poll() is None:
                worker.kill()
                worker.wait()
            if worker.returncode not in {0, -signal.SIGTERM}:
                _say_how_it_ended(log)


def _say_how_it_ended(log: IO[bytes]) -> None:
    log.seek(0)
    last = log.read().decode(errors="replace").splitlines()[-LAST_LINES:]
    for line in last:
        say(mask_passwords(line))
