"""Shows a run while it goes: a live bar on a terminal, a line per change anywhere else, JSON lines for programs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backfill.cli.following import Changing, Whereabouts, follow
from backfill.cli.output import write_json
from backfill.cli.words import amounts, line, percent, progress_of, remark, speed, state_text, troubles, warning
from backfill.engine.steering import Steering
from backfill.runs.attention import attention_of
from backfill.runs.outlook import outcome_of
from backfill.runs.record import Run, run_document

QUIET_SECONDS = 10.0
WIDEST_BAR = 100
PERCENT_COLUMNS = 8

Show = Callable[[Run], None]


async def watch(
    control: Steering, run_id: str | None, console: Console, *, json: bool = False, seen: Whereabouts | None = None
) -> Run:
    """Shows the run (None: the latest) until it is at rest, done or paused, and returns it as it is then.

    With `json` nothing goes to `console`: a JSON line per change is written to stdout. `seen` is told where it is.
    """
    seen = seen or Whereabouts()
    with ExitStack() as stack:
        show: Show
        if json:
            show = _at_changes(lambda run: write_json(run_document(run), indent=None))
        elif console.is_terminal:
            show = _as_picture(stack.enter_context(Live(console=console, auto_refresh=False)))
        else:
            show = _as_lines(console)
        return await follow(control, run_id, until=lambda _run: False, show=_both(seen.saw, show))


def print_outcome(console: Console, run: Run) -> None:
    """What a run that has succeeded has done, above all where that was nothing."""
    if words := outcome_of(run):
        console.print(words)


def _both(first: Show, second: Show) -> Show:
    def show(run: Run) -> None:
        first(run)
        second(run)

    return show


def _as_lines(console: Console) -> Show:
    attention = Changing()
    show_changes = _at_changes(lambda run: console.print(line(run)))

    def show(run: Run) -> None:
        told = attention.told(run)
        if told and not warning(run):
            console.print(f"{run.id}  {told}")
        show_changes(run)

    return show


def _as_picture(live: Live) -> Show:
    return lambda run: live.update(picture(run, live.console.width), refresh=True)


def _at_changes(show: Show) -> Show:
    changes = Changes()

    def show_changes(run: Run) -> None:
        if changes.has(run):
            show(run)

    return show_changes


@dataclass(slots=True, kw_only=True)
class Changes:
    """Tells what is worth a line: another state or whole percent, other troubles, or ten quiet seconds."""

    _seen: tuple[object, ...] = ()
    _at: float = field(default_factory=monotonic)

    def has(self, run: Run) -> bool:
        attention = attention_of(run)
        kind = attention.kind if attention else None
        facts = (run.state, percent(run), bool(run.contended), len(run.quarantined), kind, run.waits)
        if facts == self._seen and monotonic() - self._at < QUIET_SECONDS:
            return False
        self._seen, self._at = facts, monotonic()
        return True


def picture(run: Run, width: int) -> Group:
    """The run in four lines of at most 80 columns, and one more where something needs attention."""
    below = [Text("   ".join(words)) for words in (amounts(run), [*speed(run), *troubles(run)]) if words]
    if words := warning(run):
        below.append(Text(words, style="yellow"))
    return Group(
        Text.assemble((run.backfill, "bold"), "  ", run.id, "  ", state_text(run), "  ", (remark(run), "dim")),
        _bar(run, min(width, WIDEST_BAR) - PERCENT_COLUMNS),
        *below,
    )


def _bar(run: Run, width: int) -> Table:
    share = progress_of(run)["fraction"]
    bar = ProgressBar(
        total=1.0,
        completed=share or 0.0,
        width=width,
        pulse=share is None,
        complete_style="cyan",
        finished_style="green",
    )
    row = Table.grid(padding=(0, 1))
    row.add_row(bar, percent(run))
    return row
