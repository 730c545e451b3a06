"""What is left of a run, what came of it, and what can be done next where it goes on no further by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backfill.runs.parameters import as_options
from backfill.runs.progress import total_shown
from backfill.runs.states import State
from backfill.runs.telling import ENGINE
from backfill.runs.wording import counted, ended

if TYPE_CHECKING:
    from backfill.runs.record import Run


def units_left(run: Run) -> int | None:
    """Units that belong to the run and are not settled yet; None before it is planned.

    Where every range has been walked to its end, the total is known to have been an estimate that is worth nothing.
    """
    if run.counts.units_total is None:
        return None
    if run.state is State.SUCCEEDED:
        return 0
    aside = len(run.contended) + len(run.quarantined)
    if run.settled:
        return aside
    total = total_shown(run.counts.units_total, run.counts.units_done) or 0
    # What verification has sent back was counted as done before.
    sent_back = sum(unit.counted for unit in run.contended) + sum(unit.counted for unit in run.quarantined)
    return max(total - run.counts.units_done + sent_back, aside)


def outcome_of(run: Run) -> str | None:
    """What a run that succeeded has done, above all where that was nothing; None for any other."""
    if run.state is not State.SUCCEEDED:
        return None
    rows, units, written = run.counts.rows_done, run.counts.units_done, run.counts.rows_written
    if rows == 0 and written == 0:
        nothing = f"{counted(units, 'unit')} without rows" if units else "the tables are empty"
        return (
            f"There was nothing to do: {nothing}."
            " Rows that the application writes from now on are taken care of as they come."
            " If there should be rows already, this is another database: see backfill doctor."
        )
    if written == 0:
        return f"Nothing had to be written: {counted(rows, 'row')} in {counted(units, 'unit')} had all values already."
    return f"{counted(written, 'row')} written, and {counted(units, 'unit')} verified."


def why_at_rest(run: Run) -> str:
    """A sentence for a run that rests and has not succeeded: who has asked for it, and what they or the server say."""
    if run.state is State.FAILED:
        return f"Run {run.id} failed: {ended(run.error or 'no reason was recorded')}"
    if run.state is State.PROPOSED:
        return f"Run {run.id} waits for the approval of somebody else than {run.requested_by}."
    asked = run.asked
    by = f" by {'the engine' if asked.by == ENGINE else asked.by}" if asked else ""
    why = next((note.text for note in run.notes if asked and note.at_ms == asked.at_ms), "")
    if not why and run.state is State.PAUSED:
        why = run.error or ""
    return f"Run {run.id} was {run.state}{by}{f': {ended(why)}' if why else '.'}"


def next_of(run: Run) -> str | None:
    """What somebody can do now with a run at rest, as commands; None while it goes on by itself."""
    anew = f"backfill enqueue {run.backfill}{as_options(run.parameters)}"
    words: str | None = None
    match run.state:
        case State.PROPOSED:
            words = f"Somebody else lets it begin: backfill approve {run.id}."
        case State.PAUSED if run.quarantined:
            units = counted(len(run.quarantined), "quarantined unit")
            words = f"Go on without the {units}: backfill resume {run.id}; take them up again: backfill retry {run.id}."
        case State.PAUSED:
            words = f"Let it go on: backfill resume {run.id}."
        case State.FAILED:
            words = f"When it is mended: backfill retry {run.id}; or start a new run: {anew}."
        case State.CANCELLED:
            words = f"A new run goes on from there: {anew}."
        case State.SUCCEEDED:
            words = f"Nothing has to follow; a new run would look at everything again: {anew}."
    return words
