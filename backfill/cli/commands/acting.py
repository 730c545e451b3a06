"""`backfill approve`, `pause`, `resume`, `cancel` and `retry`: ask a run for another state."""

from __future__ import annotations

from backfill.cli.options import Json, NoteText, RunId
from backfill.cli.output import answer_console, write_json
from backfill.cli.steering import who_asks, with_runs
from backfill.runs.record import run_document
from backfill.runs.states import Action


def approve(run: RunId = None, note: NoteText = None, json: Json = False) -> None:
    """Let a run begin that somebody else has proposed; who asked for it cannot."""
    _act(run, Action.APPROVE, note, json=json)


def pause(run: RunId = None, note: NoteText = None, json: Json = False) -> None:
    """Let a run rest after the batches in flight; it keeps its place."""
    _act(run, Action.PAUSE, note, json=json)


def resume(run: RunId = None, note: NoteText = None, json: Json = False) -> None:
    """Let a paused run go on from where it was, without the units that are quarantined."""
    _act(run, Action.RESUME, note, json=json)


def cancel(run: RunId = None, note: NoteText = None, json: Json = False) -> None:
    """End a run after the batches in flight; what is settled stays settled."""
    _act(run, Action.CANCEL, note, json=json)


def retry(run: RunId = None, note: NoteText = None, json: Json = False) -> None:
    """Take up the quarantined units of a failed or paused run again, then verify all of it."""
    _act(run, Action.RETRY, note, json=json)


def _act(run_id: str | None, action: Action, note: str | None, *, json: bool) -> None:
    run = with_runs(lambda runs: runs.act(run_id, action, who=who_asks(), note=note))
    if json:
        write_json(run_document(run))
    else:
        answer_console().print(f"Run {run.id} of {run.backfill} is {run.state}.")
