"""How a run is put into words: the same facts as its JSON, in the same places of every human answer.

What cannot be known is said to be unknown: an ETA is never made up, and a total that is an estimate has a `~`.
"""

from __future__ import annotations

from typing import Any

from rich.text import Text

from backfill.cli.output import duration, number
from backfill.runs.attention import BY_ITS_PACE, START, attention_of
from backfill.runs.record import Run, run_document
from backfill.runs.states import AT_REST, State
from backfill.runs.wording import counted
from backfill.shipped import start_a_worker

_STYLES = {
    State.PROPOSED: "yellow",
    State.RUNNING: "cyan",
    State.VERIFYING: "cyan",
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.PAUSING: "yellow",
    State.PAUSED: "yellow",
    State.CANCELLING: "yellow",
    State.CANCELLED: "yellow",
}
_WAITING = {
    State.QUEUED: "waiting for a worker",
    State.PAUSING: "after the batches in flight",
    State.CANCELLING: "after the batches in flight",
}


def progress_of(run: Run) -> dict[str, Any]:
    progress: dict[str, Any] = run_document(run)["progress"]
    return progress


def state_text(run: Run) -> Text:
    return Text(run.state.value, style=f"bold {_STYLES.get(run.state, '')}".strip())


def remark(run: Run) -> str:
    """What the run waits for or is at, where its state alone does not say it; else empty."""
    if run.waits:
        return run.waits
    if run.state is State.VERIFYING:
        return f"{_of(run.units_checked, run.counts.units_total, 'unit')} checked"
    return _WAITING.get(run.state, "")


def warning(run: Run) -> str:
    """What needs attention now, with how long ago something last moved and what to do; else empty."""
    attention = attention_of(run)
    if attention is None:
        return ""
    ago = duration(max(run.seen_ms - attention.since_ms, 0) / 1000)
    remedy = attention.remedy if attention.remedy != START else f"{START.rstrip('.')}: {start_a_worker()}"
    return f"{attention.what}; nothing has moved for {ago}. {remedy}"


def mark(run: Run) -> str:
    """The same in two words, for a list of runs."""
    attention = attention_of(run)
    return f" ({attention.kind.value.replace('_', ' ')})" if attention else ""


def percent(run: Run) -> str:
    share = progress_of(run)["fraction"]
    return "?%" if share is None else f"{int(share * 100)}%"


def amounts(run: Run) -> list[str]:
    progress = progress_of(run)
    about = "~" if progress["total_is_estimate"] else ""
    words = [_of(progress[f"{noun}s_done"], progress[f"{noun}s_total"], noun, about) for noun in ("row", "unit")]
    left = progress["units_left"]
    return [*words, f"{counted(left, 'unit')} left"] if left and run.state in AT_REST else words


def speed(run: Run) -> list[str]:
    """Rate and ETA while rows are being worked on; nothing in any other state."""
    if not run.moving:
        return []
    progress = progress_of(run)
    rate, eta = progress["rows_per_second"], progress["eta_seconds"]
    return [
        f"{'unknown' if rate is None else number(round(rate))} rows/s",
        f"ETA {'unknown' if eta is None else duration(eta)}",
    ]


def troubles(run: Run) -> list[str]:
    counts = {"contended": len(run.contended), "quarantined": len(run.quarantined)}
    words = [f"{count} {name}" for name, count in counts.items() if count]
    return [*words, held_back(run)] if run.held_back_by else words


def held_back(run: Run) -> str:
    """By what a run is slower now than it could be; empty where by nothing."""
    if run.held_back_by == BY_ITS_PACE:
        return f"held to {number(run.pace.rows_per_second)} rows/s"
    return f"held up by: {run.held_back_by}" if run.held_back_by else ""


def line(run: Run) -> str:
    """The run in one line, for logs."""
    parts = [run.id, run.state.value, percent(run), *amounts(run), *speed(run), *troubles(run), remark(run)]
    return "  ".join(part for part in [*parts, warning(run)] if part)


def _of(done: int, total: int | None, noun: str, about: str = "") -> str:
    return counted(done, noun) if total is None else f"{number(done)} of {about}{counted(total, noun)}"
