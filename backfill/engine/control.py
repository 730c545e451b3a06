"""What an operator can do with runs: enqueue, look, act. The CLI and the HTTP service call this and nothing deeper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from backfill.engine.checking import check_everything
from backfill.engine.preflight import find_backfill, require_privileges, require_schema, told_to_operator
from backfill.engine.protocols import Backfill
from backfill.engine.steering import Steering
from backfill.runs.errors import ActiveRunExists
from backfill.runs.failures import BatchFailed
from backfill.runs.findings import Finding
from backfill.runs.notes import checked_note
from backfill.runs.pace import Pace
from backfill.runs.record import Run

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Steering):
    """Besides what can be done with a run that is there: start one, and look at the database."""

    backfills: Mapping[str, Backfill]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Places that should hold definitions, with why there is none."""

    def backfill(self, name: str) -> Backfill:
        """Raises UnknownBackfill."""
        return find_backfill(self.backfills, name, self.broken)

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

    async def enqueue(
        self, name: str, pace: Pace, *, requested_by: str, idempotency_key: str | None = None, note: str | None = None
    ) -> tuple[Run, bool]:
        """The run, and whether it is new (False: the same request made it before).

        Raises UnknownBackfill, SchemaNotReady, ActiveRunExists, UsageError (a note that cannot be kept).
        """
        words = checked_note(note)
        for warning in await self.check_schema(name):
            log.warning(warning.rule, about="; ".join(warning.examples), remedy=warning.remedy)
        created = await self.store.create(
            name, pace, requested_by=requested_by, idempotency_key=idempotency_key, note=words
        )
        if not created.is_new and not created.is_repeated:
            raise ActiveRunExists(
                f"Run {created.run_id} of {name} is active; a backfill has one active run at a time.",
                f"Watch it (backfill watch {created.run_id}) or cancel it first.",
                run_id=created.run_id,
            )
        if created.is_new:
            await self.doorbell.ring(name, created.run_id, pace.parallel)
        return await self.get(created.run_id), created.is_new

    async def has_units(self, name: str) -> bool:
        """Whether a run of it would find anything at all; one that cannot be told now is taken to have some."""
        try:
            page = await self.backfill(name).check_page(None, None, units=1)
        except BatchFailed:
            return True
        return page.units > 0

    async def verify(self, name: str) -> tuple[int, tuple[Finding, ...]]:
        """Units checked and findings, against the data as it is now; writes nothing."""
        await self.check_privileges(name)
        with told_to_operator():
            return await check_everything(self.backfill(name))
