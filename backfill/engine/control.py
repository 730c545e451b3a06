"""What an operator can do with runs: enqueue, look, act. The CLI and the HTTP service call this and nothing deeper."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from backfill.engine.checking import check_everything
from backfill.engine.contracts import Backfills
from backfill.engine.guard import guarded
from backfill.engine.preflight import require_privileges, require_schema, told_to_operator
from backfill.engine.protocols import Backfill, Previewable
from backfill.engine.steering import Steering
from backfill.runs.errors import (
    ActiveRunExists,
    DatabaseUnreachable,
    DefinitionFailed,
    IdempotencyConflict,
    OperatorError,
    SchemaNotReady,
    WrongState,
)
from backfill.runs.failures import BatchFailed
from backfill.runs.findings import Finding
from backfill.runs.notes import checked_note
from backfill.runs.pace import Pace
from backfill.runs.parameters import differences, load_parameters
from backfill.runs.record import Run
from backfill.runs.schedule import Schedule
from backfill.runs.states import State
from backfill.runs.terms import Terms

log = structlog.get_logger(__name__)

# A run that was cancelled says nothing about the data.
_JUDGED = frozenset({State.SUCCEEDED, State.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Steering):
    """Besides what can be done with a run that is there: start one, and look at the database."""

    known: Backfills

    @property
    def backfills(self) -> Mapping[str, Previewable]:
        return self.known.bound

    @property
    def broken(self) -> Mapping[str, str]:
        """Places that should hold definitions, with why there is none."""
        return self.known.broken

    def backfill(self, name: str) -> Backfill:
        """For what does not depend on parameters. Raises UnknownBackfill."""
        return self.known.find(name)

    async def check_schema(self, name: str, *, writes: bool = False) -> tuple[Finding, ...]:
        """Whether a run can start: the schema, then the rights. `writes`: this process will settle units.

        Raises SchemaNotReady; returns what is only a warning.
        """
        return (*await self.check_catalog(name), *await self.check_privileges(name, writes=writes))

    async def check_catalog(self, name: str) -> tuple[Finding, ...]:
        """Raises SchemaNotReady with the first things that are missing; returns what is only a warning."""
        return await require_schema(self.backfill(name))

    async def check_privileges(self, name: str, *, writes: bool = False) -> tuple[Finding, ...]:
        """Raises SchemaNotReady with everything that has to be granted; returns what is only a warning."""
        return await require_privileges(self.backfill(name), writes=writes)

    async def check_worker(self, name: str) -> tuple[Finding, ...]:
        """Whether this process can work on its runs. Raises SchemaNotReady, WrongState; returns warnings."""
        await self.check_here(name)
        return await self.check_schema(name, writes=True)

    async def not_for_this_worker(self) -> dict[str, OperatorError]:
        """By name, what keeps this process from working on runs; a database that is not everybody's leaves the others
        alone. Raises DatabaseUnreachable where it is."""
        found: dict[str, OperatorError] = {}
        for name in self.backfills:
            try:
                await self.check_worker(name)
            except (SchemaNotReady, DefinitionFailed, WrongState) as error:
                found[name] = error
            except DatabaseUnreachable as error:
                if name not in self.known.databases:
                    raise
                found[name] = error
        return found

    async def check_here(self, name: str) -> None:
        """Whether it has what it needs besides the database. Raises WrongState."""
        if why_not := await asyncio.to_thread(self.known.why_not_here, name):
            raise WrongState(why_not)

    async def check_order(self, name: str) -> None:
        """Whether what comes before it has succeeded. Raises WrongState."""
        for before in self.known.after(name):
            ended, _ = await self.page(1, wanted=partial(_is_judged, before))
            if not ended or ended[0].state is not State.SUCCEEDED:
                why = "whose last run failed" if ended else "no run of which has succeeded yet"
                raise WrongState(f"{name} comes after {before}, {why}.", f"Run: backfill enqueue {before} --watch")

    async def enqueue(  # noqa: PLR0913 - the parts of a request
        self,
        name: str,
        pace: Pace,
        *,
        requested_by: str,
        idempotency_key: str | None = None,
        note: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        needs_approval: bool = False,
        schedule: Schedule | None = None,
    ) -> tuple[Run, bool]:
        """The run, and whether it is new (False: the same request made it before). With `needs_approval` it is only
        proposed: it begins when somebody else has approved it.

        Raises UnknownBackfill, InvalidParameters, SchemaNotReady, WrongState (another backfill comes first),
        ActiveRunExists, IdempotencyConflict, UsageError (a note that cannot be kept).
        """
        words, terms = checked_note(note), self.known.terms(name, parameters or {})
        await self._check_start(name)
        created = await self.store.create(
            name,
            pace,
            requested_by=requested_by,
            idempotency_key=idempotency_key,
            note=words,
            terms=terms,
            needs_approval=needs_approval,
            schedule=schedule,
        )
        run = await self.get(created.run_id)
        if created.is_repeated and run.terms.parameters != terms.parameters:
            raise _key_of_another(run, terms)
        if not created.is_new and not created.is_repeated:
            raise _active(run, terms)
        if created.is_new and run.state is not State.PROPOSED:
            await self.doorbell.ring(run.address, run.id, pace.parallel)
        return run, created.is_new

    async def _check_start(self, name: str) -> None:
        await self.check_order(name)
        for warning in await self.check_schema(name):
            log.warning(warning.rule, about="; ".join(warning.examples), remedy=warning.remedy)

    async def has_units(self, run: Run) -> bool:
        """Whether it will find anything at all; where that cannot be told now, it is taken to be so."""
        backfill = guarded(self.known.with_parameters(run.backfill, run.terms.parameters))
        try:
            page = await backfill.check_page(None, None, units=1)
        except BatchFailed:
            return True
        return page.units > 0

    async def verify(self, name: str, parameters: Mapping[str, Any] | None = None) -> tuple[int, tuple[Finding, ...]]:
        """Units checked and findings, against the data as it is now; writes nothing. Raises InvalidParameters."""
        await self.check_privileges(name)
        backfill = self.known.find(name, parameters or {})
        with told_to_operator():
            return await check_everything(backfill)


def _is_judged(name: str, run: Run) -> bool:
    return run.backfill == name and run.state in _JUDGED


def _active(run: Run, asked: Terms) -> ActiveRunExists:
    others = differences(run.parameters, load_parameters(asked.parameters))
    words = f" with other parameters ({others})" if others else ""
    return ActiveRunExists(
        f"Run {run.id} of {run.backfill} is active{words}; a backfill has one active run at a time.",
        f"Watch it (backfill watch {run.id}) or cancel it first.",
        run_id=run.id,
    )


def _key_of_another(run: Run, asked: Terms) -> IdempotencyConflict:
    others = differences(run.parameters, load_parameters(asked.parameters))
    return IdempotencyConflict(
        f"This key was used before, for run {run.id} with other parameters: {others}.",
        "Send another key for another run, or the same parameters again for that one.",
        run_id=run.id,
    )
