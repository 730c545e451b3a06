"""Where the interleavings take place: sessions on one migrated database, and what became of a project in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from backfill.sql.files import read_sql
from tests.migrations.support import Application
from tests.support.commands import REPOSITORY
from tests.support.interleaving import ClientSession, Played, Session, Step, orders_of, play
from tests.support.old_rows import OldRows
from tests.support.stepped_backfill import SteppedBackfill, stepped_backfill

_REVISION = REPOSITORY / "alembic" / "versions" / "39e7f45c72f1"
MOST_TRIES = 5
_PROJECT = "SELECT latest_version AS latest, active_generation_id AS active FROM projects WHERE id = $1"
_GENERATIONS = (
    "SELECT id, version, is_active, status, storage_path IS NOT NULL AS assigned FROM generations"
    " WHERE project_id = $1 ORDER BY created_at, id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A project after an order was played and what was contended was tried again; generations by their short names.

    `wrong` is every rule of the data that is broken, in words; `versions` are those of assigned rows; `written` is how
    many rows the backfill says it has written.
    """

    played: Played
    wrong: tuple[str, ...]
    versions: Mapping[str, int]
    latest: int
    active: str | None
    contended: bool
    written: int

    @property
    def is_right(self) -> bool:
        """Errors of the application count; the backfill may be refused a lock, for it tries again."""
        return not self.wrong and not [name for name in self.played.errors if not name.startswith("backfill")]


Scene = Callable[[str], Awaitable[Sequence[Session]]]


class Stage:
    def __init__(self, url: str, stack: AsyncExitStack, observer: Any, applications: Sequence[Application]) -> None:
        self.url = url
        self.rows = OldRows(observer)
        self.first, self.second = applications
        self._observer = observer
        self._stack = stack
        self._undone_by: list[str] = []

    def session(self, name: str, application: Application, **steps: Step) -> ClientSession:
        """A transaction of the application: it begins with the first of the steps; `commit` is added as the last."""

        async def begin_with(step: Step) -> None:
            await application.connection.execute("BEGIN")
            await step()

        (first, step), *others = steps.items()
        commit = {"commit": lambda: application.connection.execute("COMMIT")}
        return ClientSession(name, application.connection, {first: lambda: begin_with(step), **dict(others), **commit})

    async def stepped(self, name: str = "backfill", *, isolation_level: str | None = None) -> SteppedBackfill:
        return await self._stack.enter_async_context(stepped_backfill(self.url, name, isolation_level=isolation_level))

    async def alter(self, statement: str, *undo: str) -> None:
        """Until the end of the test; `undo` are statements, in their order."""
        await self._observer.execute(statement)
        self._undone_by.extend(reversed(undo))

    async def drop_trigger(self, name: str, table: str = "generations") -> None:
        await self.alter(f"DROP TRIGGER {name} ON {table}", migration_sql(f"trigger_{name}"))

    async def change_function(self, name: str, old: str, new: str) -> None:
        """The trigger function as the migration makes it, with one rule taken out of it."""
        source = migration_sql(f"function_{name}")
        assert source.count(old) == 1, f"function_{name}.sql does not have: {old}"
        await self.alter(source.replace(old, new), source)

    async def undo_all(self) -> None:
        for statement in reversed(self._undone_by):
            await self._observer.execute(statement)

    async def play(self, project_id: str, sessions: Sequence[Session], order: str, *, beside: str = "") -> Ended:
        """`beside` is a second project that has to be right as well."""
        played = await play(self._observer, sessions, order)
        stepped = [session for session in sessions if isinstance(session, SteppedBackfill)]
        contended = any(session.contended for session in stepped)
        written = sum([await _written_in_the_end(session) for session in stepped])
        latest, active, rows = await self._read(project_id, project_id)
        wrong = _broken_rules(rows, latest, active)
        if beside:
            other_latest, other_active, other_rows = await self._read(beside, project_id)
            wrong += _broken_rules(other_rows, other_latest, other_active)
        return Ended(
            played=played,
            wrong=tuple(wrong),
            versions={row["id"]: row["version"] for row in rows if row["assigned"]},
            latest=latest,
            active=active,
            contended=contended,
            written=written,
        )

    async def play_every_order(self, scene: Scene, *, beside: str = "") -> list[Ended]:
        """Each on a project of its own, and on the second one whose name ends in `beside`."""
        orders = list(orders_of(await scene("p")))
        ended = []
        for number, order in enumerate(orders):
            project_id = f"p{number}"
            second = f"{project_id}{beside}" if beside else ""
            ended.append(await self.play(project_id, await scene(project_id), order, beside=second))
        return ended

    async def _read(self, project_id: str, prefix: str) -> tuple[int, str | None, list[dict[str, Any]]]:
        project = await self._observer.fetchrow(_PROJECT, project_id)
        rows = await self._observer.fetch(_GENERATIONS, project_id)
        active = _short(project["active"], prefix) if project["active"] else None
        return project["latest"], active, [{**row, "id": _short(row["id"], prefix)} for row in rows]


def migration_sql(name: str) -> str:
    return read_sql(_REVISION / f"{name}.sql")


def _broken_rules(rows: Sequence[Mapping[str, Any]], latest: int, active: str | None) -> list[str]:
    numbered = [row for row in rows if row["assigned"]]
    owners: dict[int, list[str]] = {}
    for row in numbered:
        owners.setdefault(row["version"], []).append(row["id"])
    flagged = [row["id"] for row in rows if row["is_active"]]
    completed = [row["id"] for row in rows if row["status"] == "completed"]
    wrong = [f"{row['id']} is unassigned" for row in rows if not row["assigned"]]
    wrong += [f"{' and '.join(ids)} are number {version}" for version, ids in owners.items() if len(ids) > 1]
    if any(row["version"] > latest for row in numbered):
        wrong.append(f"latest_version is {latest}, below a number that was given")
    if flagged != ([active] if active else []):
        wrong.append(f"{active} is active by the project, {' and '.join(flagged) or 'none'} by the flag")
    if completed and active is not None and completed[-1] != active:
        wrong.append(f"{completed[-1]} is completed and newer than {active}, which is active")
    return wrong


def _short(generation_id: str, project_id: str) -> str:
    return generation_id.removeprefix(f"{project_id}-")


async def _written_in_the_end(session: SteppedBackfill) -> int:
    """Tries again what live traffic held locked, as the engine does."""
    written, contended = getattr(session.result, "written", 0), session.contended
    for _ in range(MOST_TRIES):
        if not contended:
            return int(written)
        again = await session.backfill.settle(sorted(contended))
        written, contended = written + again.written, again.contended
    raise AssertionError(f"still contended: {contended}")


@asynccontextmanager
async def open_stage(url: str) -> AsyncIterator[Stage]:
    """On a migrated database that may be used before and after: it is emptied first, what the test alters is undone."""
    async with AsyncExitStack() as connections:
        observer, *others = [await _connect(url, connections) for _ in range(3)]
        await observer.execute("TRUNCATE users CASCADE")
        async with AsyncExitStack() as stack:
            stage = Stage(url, stack, observer, [Application(connection) for connection in others])
            await stage.rows.add_user()
            connections.push_async_callback(stage.undo_all)
            yield stage


async def _connect(url: str, stack: AsyncExitStack) -> Any:
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close, timeout=5)
    await connection.execute("SET deadlock_timeout = '50ms'")
    return connection
