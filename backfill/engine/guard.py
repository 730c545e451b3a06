"""Every call into a definition, guarded: whatever its author's code raises leaves as a `BatchFailed`.

Of an exception only its class and its place are told, because its text may quote a row. A call that never comes back
would hold its range for ever, as the heart beats on: it is broken off.
"""

from __future__ import annotations

import asyncio
import sysconfig
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from backfill.engine.besides import FAILURES, besides
from backfill.engine.protocols import Backfill, CheckedPage, PartSettled, Previewable, Settled
from backfill.runs.errors import OperatorError
from backfill.runs.failures import BatchFailed, Failure, classify
from backfill.runs.findings import Finding, Rule
from backfill.runs.preview import StatementPlan, Survey
from backfill.runs.ranges import Key, Plan, Unit
from backfill.runs.rehearsed import Rehearsed

# A plan may count whole tables, in a few statements each of which has its own limit.
PLAN_TAKES_LONGER = 3
_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))

Guarded = TypeVar("Guarded", bound=Backfill)


def guarded(backfill: Guarded, *, seconds: float | None = None) -> Guarded:
    """The same definition behind the guard; `seconds` is how long one of its calls may take (None: for ever)."""
    if isinstance(backfill, _Guard):
        return backfill
    return cast("Guarded", _Guard(cast("Previewable", backfill), seconds))


def told_by_class(what: str, error: BaseException) -> str:
    """`settle raised ValueError at slugs.py:42`, where `what` is settle: the innermost place that is no library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)] or list(frames)
    place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    return f"{what} raised {type(error).__name__}{place}"


def failure_of(what: str, error: Exception, otherwise: Failure) -> BatchFailed:
    """A refusal of the database that the definition let through keeps its meaning; all else is `otherwise`."""
    driver_error = getattr(error, "orig", None) or error
    sqlstate = getattr(driver_error, "sqlstate", None)
    if not isinstance(sqlstate, str):
        return BatchFailed(otherwise, told_by_class(what, error), sqlstate=None)
    failure = classify(sqlstate, connection_lost=False)
    constraint = getattr(driver_error.__cause__ or driver_error, "constraint_name", None)
    message = told_by_class(what, error)
    return BatchFailed(
        otherwise if failure is Failure.ROW else failure, message, sqlstate=sqlstate, constraint=constraint
    )


class _Guard:
    """As `Previewable`. What fails for units that are named is theirs, everything else is the definition's."""

    def __init__(self, backfill: Previewable, seconds: float | None) -> None:
        self._backfill = backfill
        # What a definition's own code takes outside of the database, by its own account, is not a call that hangs.
        computing = besides(backfill, "computing_seconds")
        own = 0.0 if computing is None else computing.computing_seconds
        self._seconds = None if seconds is None else seconds + own
        self.name: str = backfill.name
        self.rules: Sequence[Rule] = backfill.rules

    @asynccontextmanager
    async def _call(self, what: str, failure: Failure, *, times: int = 1) -> AsyncIterator[Previewable]:
        seconds = None if self._seconds is None else self._seconds * times
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield self._backfill
        except (BatchFailed, OperatorError):
            raise
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything
            if limit.expired():
                message = f"{what} did not come back within {seconds:g} seconds"
                raise BatchFailed(Failure.TIMEOUT, message, sqlstate=None) from None
            raise failure_of(what, error, failure) from None

    async def check_schema(self) -> tuple[Finding, ...]:
        async with self._call("check_schema", Failure.BUG) as backfill:
            return await backfill.check_schema()

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        async with self._call("check_privileges", Failure.BUG) as backfill:
            return await backfill.check_privileges(writes=writes)

    async def plan(self, ranges: int) -> Plan:
        async with self._call("plan", Failure.BUG, times=PLAN_TAKES_LONGER) as backfill:
            return await backfill.plan(ranges)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        async with self._call("read_page", Failure.BUG) as backfill:
            return await backfill.read_page(after, end, units=units, row_cap=row_cap)

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        async with self._call("read_units", Failure.ROW) as backfill:
            return await backfill.read_units(unit_ids, row_cap=row_cap)

    async def count_rows(self, unit_id: str) -> int:
        async with self._call("count_rows", Failure.ROW) as backfill:
            return await backfill.count_rows(unit_id)

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        async with self._call("settle", Failure.ROW) as backfill:
            return await backfill.settle(unit_ids)

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        async with self._call("settle_part", Failure.ROW) as backfill:
            return await backfill.settle_part(unit_id, mark, rows=rows)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        async with self._call("check_page", Failure.BUG) as backfill:
            return await backfill.check_page(after, end, units=units)

    async def survey(self) -> Survey:
        async with self._call("survey", Failure.BUG) as backfill:
            return await backfill.survey()

    async def explain(self, units: Sequence[Unit], *, writes: bool) -> tuple[StatementPlan, ...]:
        async with self._call("explain", Failure.BUG) as backfill:
            return await backfill.explain(units, writes=writes)

    async def rehearse(self, unit_ids: Sequence[str], *, weigh: bool) -> Rehearsed:
        async with self._call("rehearse", Failure.ROW) as backfill:
            return await backfill.rehearse(unit_ids, weigh=weigh)

    async def rehearse_part(self, unit_id: str, mark: str | None, *, rows: int) -> Rehearsed:
        async with self._call("rehearse_part", Failure.ROW) as backfill:
            return await backfill.rehearse_part(unit_id, mark, rows=rows)

    def __getattr__(self, name: str) -> Any:
        """What a definition has besides is the business of whoever asks it for that; some of it is the engine's."""
        found = getattr(self._backfill, name)
        return partial(self._besides, name, found) if name in FAILURES else found

    async def _besides(self, name: str, call: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Any:
        async with self._call(name, FAILURES[name]):
            return await call(*arguments, **named)
