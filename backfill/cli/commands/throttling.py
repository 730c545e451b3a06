"""`backfill throttle`: what the autopilot sees and does, its limits, and signals that are not to be looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import typer

from backfill.cli.options import Json, NoteText
from backfill.cli.output import answer_console, write_json
from backfill.cli.steering import to_its_end, who_asks
from backfill.cli.throttle_words import print_servers, servers_document
from backfill.late_logging import setup_logging_when_needed
from backfill.opening import for_an_operator, open_boards
from backfill.runs.directive import SwitchedOff
from backfill.runs.errors import UsageError
from backfill.runs.limits import known_signal, limit_of
from backfill.runs.notes import checked_note
from backfill.runs.servers import shown
from backfill.settings import Settings, load_settings
from backfill.store.board import Boards, RedisBoard

Answer = TypeVar("Answer")

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="LIMIT=NUMBER", help="Change a limit, such as standby_bytes=64MiB; may be repeated."),
]
Reset = Annotated[
    list[str] | None, typer.Option("--reset", metavar="LIMIT", help="Take a limit back to what the settings say.")
]
Off = Annotated[
    str | None, typer.Option("--off", metavar="SIGNAL", help="Do not look at a signal; say why with --note.")
]
On = Annotated[str | None, typer.Option("--on", metavar="SIGNAL", help="Look at a signal again.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="NAME",
        help="Where there are several servers, only the one of this database; DATABASE_URL, or a name in DATABASES.",
    ),
]
Minutes = Annotated[
    float, typer.Option("--for-minutes", min=0.0, max=525_600.0, help="How long --off holds; 0: until --on.")
]


def throttle(  # noqa: PLR0917 - typer passes options by name
    set_limits: Set = None,
    reset: Reset = None,
    off: Off = None,
    on: On = None,
    for_minutes: Minutes = 60.0,
    note: NoteText = None,
    database: Database = None,
    json: Json = False,
) -> None:
    """Show what the autopilot sees, what each signal may be, and what stops it; change limits, switch signals off.

    Changes hold for all runs, or those on the server of --database, at once, and are kept in Redis. A signal that is
    switched off is looked at again after an hour, or when --for-minutes says.
    """
    asked = Changes(limits=tuple(set_limits or ()), reset=tuple(reset or ()), off=off, on=on, minutes=for_minutes)
    changes = _checked(asked, note)

    async def work(boards: Boards, settings: Settings) -> None:
        one = None if database is None else await _known(database, boards)
        await changes.make(boards.of(one or ""), here=one is not None)
        seen = {server: said for server, said in (await boards.read_all()).items() if one is None or one in server}
        if json:
            write_json(servers_document(seen, settings.limits, settings.signals_off))
        else:
            print_servers(answer_console(), seen, settings.limits, settings.signals_off)

    _with_boards(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """As they were asked for."""

    limits: tuple[str, ...]
    reset: tuple[str, ...]
    off: str | None
    on: str | None
    minutes: float
    note: str = ""

    async def make(self, board: RedisBoard, *, here: bool) -> None:
        for name, value in map(limit_of, self.limits):
            await board.set_limit(name, value, here=here)
        for name in self.reset:
            await board.set_limit(name, None, here=here)
        if self.off:
            now_ms = (await board.read()).now_ms
            until_ms = now_ms + round(self.minutes * 60_000) if self.minutes else 0
            switched = SwitchedOff(signal=self.off, by=who_asks(), note=self.note, until_ms=until_ms)
            await board.switch_off(switched, here=here)
        if self.on:
            await board.switch_on(self.on, here=here)


def _checked(changes: Changes, note: str | None) -> Changes:
    """Before anything is changed. Raises UsageError."""
    for text in changes.limits:
        limit_of(text)
    for name in changes.reset:
        limit_of(f"{name}=0")
    for name in filter(None, (changes.off, changes.on)):
        known_signal(name)
    words = checked_note(note)
    if changes.off and not words:
        raise UsageError("A signal is switched off without a reason.", "Say why: --note TEXT.")
    return replace(changes, note=words)


async def _known(database: str, boards: Boards) -> str:
    """As it is called inside. Raises UsageError for one whose server is not known."""
    servers = await boards.servers()
    names = [shown(one) for server in servers for one in server]
    if database not in names:
        raise UsageError(f"No worker has reached a database called {database!r}.", f"There are {', '.join(names)}.")
    return next(one for server in servers for one in server if shown(one) == database)


def _with_boards(work: Callable[[Boards, Settings], Awaitable[Answer]]) -> Answer:
    settings = load_settings()
    setup_logging_when_needed(settings.log_level, settings.log_format)

    async def with_boards() -> Answer:
        async with open_boards(for_an_operator(settings)) as boards:
            return await work(boards, settings)

    return to_its_end(with_boards())
