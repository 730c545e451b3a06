"""`backfill set`: change the pace of a run, and when it works, while it goes."""

from __future__ import annotations

from backfill.cli.options import (
    BatchRows,
    Json,
    Mode,
    NotBefore,
    NoteText,
    Parallel,
    PauseMs,
    RowsPerSecond,
    RunId,
    TargetMs,
    WindowText,
    pace_changes,
)
from backfill.cli.output import answer_console, write_json
from backfill.cli.panel import pace_words
from backfill.cli.steering import who_asks, with_runs
from backfill.engine.steering import Changes
from backfill.runs.errors import UsageError
from backfill.runs.record import run_document
from backfill.runs.schedule import ScheduleChanges


def set_pace(  # noqa: PLR0917 - typer passes options by name
    run: RunId = None,
    parallel: Parallel = None,
    batch_rows: BatchRows = None,
    target_ms: TargetMs = None,
    pause_ms: PauseMs = None,
    rows_per_second: RowsPerSecond = None,
    mode: Mode = None,
    window: WindowText = None,
    not_before: NotBefore = None,
    note: NoteText = None,
    json: Json = False,
) -> None:
    """Change the pace of a run, and when it works; what is not given stays, and workers follow within a batch."""
    numbers = pace_changes(parallel, batch_rows, target_ms, pause_ms, rows_per_second)
    times = ScheduleChanges(window=window, not_before=not_before)
    changes = Changes(pace={**numbers, "mode": mode}, times=times)
    if note is None and not changes.has_pace and not times:
        raise UsageError("There is nothing to set.", "Give at least one option; backfill set --help lists them.")
    changed = with_runs(lambda runs: runs.change(run, changes, who=who_asks(), note=note))
    if json:
        write_json(run_document(changed))
    else:
        words = f"Run {changed.id} of {changed.backfill} now goes at this pace: {', '.join(pace_words(changed.pace))}."
        if when := changed.schedule.words():
            words += f" It works {when}."
        answer_console().print(words)
