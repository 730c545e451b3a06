"""The real backfill as a session whose steps are its own statements, each named after its .sql file.

It is stopped from outside, by events of its SQLAlchemy engine: the product knows nothing of it. The same events let a
test take one rule away, by changing the text of one statement on its way to the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib import resources
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from backfill.runs.failures import BatchFailed, Failure
from backfill.sql.database import open_engine
from backfill.sql.files import load_sql
from backfill.sql.transactions import Limits
from tests.support.interleaving import DEADLINE_SECONDS, Step
from worker.generations.backfill import GenerationVersions

LIMITS = Limits(
    lock_timeout_ms=5_000, statement_timeout_ms=5_000, scan_timeout_ms=5_000, idle_in_transaction_timeout_ms=20_000
)
COMMIT = "commit"
SETTLING = ("lock_projects", "lock_generations", "settle", COMMIT)
PART = ("lock_projects", "lock_part", "number_part", COMMIT)

Work = Callable[[GenerationVersions], Awaitable[Any]]


class SteppedBackfill:
    """One backfill on one connection. `work` says what it does in the next play.

    Its steps are named after what they run. The first one, `begin`, goes as far as to the first of the stops, so that
    the transaction has begun by then.
    """

    def __init__(self, name: str, engine: AsyncEngine, *, isolation_level: str | None) -> None:
        self.name = name
        self.steps: Mapping[str, Step] = {}
        self.error: str | None = None
        self.contended: frozenset[str] = frozenset()
        self.result: Any = None
        self.pid = 0
        self._engine = engine
        levelled = engine.execution_options(isolation_level=isolation_level) if isolation_level else engine
        self.backfill = GenerationVersions(levelled, LIMITS)
        self._changes: dict[str, tuple[str, str]] = {}
        self._stop: str | None = None
        self._stopped, self._go_on = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        event.listen(engine.sync_engine, "before_cursor_execute", self._before_statement, retval=True, named=True)
        event.listen(engine.sync_engine, "commit", lambda connection: self._pass(COMMIT))

    def change(self, name: str, old: str, new: str) -> None:
        """From now on the statement of that name goes to the server with `new` in the place of `old`."""
        assert load_sql("worker.generations", f"sql/{name}.sql").count(old) == 1, f"{name}.sql does not have: {old}"
        self._changes[name] = (old, new)

    def settle(self, *project_ids: str, stops: Sequence[str] = SETTLING) -> SteppedBackfill:
        """Its steps, by default: begin, lock_projects, lock_generations, settle, commit."""

        async def settle(backfill: GenerationVersions) -> Any:
            settled = await backfill.settle(project_ids)
            self.contended = settled.contended
            return settled

        return self.work(settle, stops, contended=project_ids)

    def settle_in_parts(
        self, project_id: str, *, rows: int, mark: str | None = None, stops: Sequence[str] = PART
    ) -> SteppedBackfill:
        """All parts of a large project. Its steps are those of the first part, by default begin, lock_projects,
        lock_part, number_part and commit; the last of them goes on to the end of the project.
        """

        async def settle_parts(backfill: GenerationVersions) -> Any:
            part = await backfill.settle_part(project_id, mark, rows=rows)
            while not part.finished:
                part = await backfill.settle_part(project_id, part.mark, rows=rows)

        return self.work(settle_parts, stops, contended=[project_id])

    def work(self, work: Work, stops: Sequence[str], *, contended: Sequence[str] = ()) -> SteppedBackfill:
        """What it does in the next play, with a step per stop: `lock_part`, and `lock_part.2` where it comes to that
        again. `contended` is what is not done when the database refuses it for a lock.
        """
        self._task, self.error, self.contended, self.result = None, None, frozenset(), None
        begin = partial(self._begin, work, stops[0], frozenset(contended))
        following = [*stops[1:], None]
        self.steps = {"begin": begin} | {
            name: partial(self._go, stop) for name, stop in zip(stops, following, strict=True)
        }
        return self

    async def close(self) -> None:
        self._stop = None
        self._go_on.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=DEADLINE_SECONDS)
        await self._engine.dispose()

    async def _begin(self, work: Work, stop: str, contended: frozenset[str]) -> None:
        self._task = asyncio.create_task(self._classified(work, contended))
        await self._until(stop)

    async def _classified(self, work: Work, contended: frozenset[str]) -> None:
        try:
            self.result = await work(self.backfill)
        except BatchFailed as failed:
            self.error = failed.sqlstate
            if failed.failure is Failure.CONTENTION:
                self.contended = contended

    async def _go(self, stop: str | None) -> None:
        if self._task is not None and not self._task.done():
            self._stopped.clear()
            self._go_on.set()
            await self._until(stop)

    async def _until(self, stop: str | None) -> None:
        """It has stopped before `stop`, or all of its work has ended."""
        assert self._task is not None
        self._stop = stop
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait([self._task, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._stopped.clear()
        self._stop = None  # where its work ended before it came there
        if self._task.done():
            self._task.result()

    def _before_statement(self, **about: Any) -> tuple[str, Any]:
        statement: str = about["statement"]
        driver = about["conn"].connection.driver_connection
        self.pid = driver.get_server_pid()
        if not driver.is_in_transaction():  # or it would begin with the statement that it is to stop at
            about["cursor"].execute("SELECT 1", ())
        name = _name_of(about["context"])
        if name is not None:
            self._pass(name)
        if name in self._changes:
            old, new = self._changes[name]
            assert statement.count(old) == 1, statement
            statement = statement.replace(old, new)
        return statement, about["parameters"]

    def _pass(self, name: str) -> None:
        if self._stop is not None and name == self._stop.partition(".")[0]:
            self._stop = None
            self._stopped.set()
            self._go_on.clear()
            await_only(self._go_on.wait())


@cache
def _names() -> dict[str, str]:
    files = (resources.files("worker.generations") / "sql").iterdir()
    names = [file.name.removesuffix(".sql") for file in files if file.name.endswith(".sql")]
    return {text(load_sql("worker.generations", f"sql/{name}.sql")).text: name for name in names}


def _name_of(context: Any) -> str | None:
    return _names().get(getattr(context.compiled.statement, "text", "")) if context.compiled else None


@asynccontextmanager
async def stepped_backfill(
    url: str, name: str, *, isolation_level: str | None = None
) -> AsyncIterator[SteppedBackfill]:
    engine = open_engine(url, application_name=f"test-{name}", pool_size=1)
    stepped = SteppedBackfill(name, engine, isolation_level=isolation_level)
    try:
        yield stepped
    finally:
        await stepped.close()
