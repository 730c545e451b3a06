"""Which backfills a worker serves, and why not the others: it has no definition of them, or their schema is not there.

What is not served is said once, and left to other workers. What is only not ready is looked at again, and taken up
without a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from backfill.engine.guard import told_by_class
from backfill.engine.protocols import Store
from backfill.runs.errors import OperatorError
from backfill.runs.terms import FIRST_VERSION, backfill_at, version_at

LOOK_AGAIN_SECONDS = 5.0
NAMES_KEPT_SECONDS = 2.0
UNKNOWN = "This worker has no definition of it; start one of a version that has."

log = structlog.get_logger(__name__)


class Serving:
    """`known` are the definitions of this process, `not_ready` those of them that cannot be served yet, with
    the reason; `versions` are those of the definitions, where it is not the first.

    `changed` is called whenever one of the two answers is another one.
    """

    def __init__(
        self,
        known: Collection[str],
        not_ready: Mapping[str, str] | None = None,
        *,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self._known = frozenset(known)
        self.versions = dict.fromkeys(known, FIRST_VERSION) | dict(versions or {})
        self._reasons: dict[str, str] = {}
        self.changed: Callable[[], None] = lambda: None
        for name, reason in (not_ready or {}).items():
            self._leave_out(name, reason)

    @property
    def served(self) -> tuple[str, ...]:
        return tuple(sorted(self._known - self._reasons.keys()))

    @property
    def not_served(self) -> dict[str, str]:
        """A sentence for each."""
        return dict(sorted(self._reasons.items()))

    @property
    def not_ready(self) -> tuple[str, ...]:
        return tuple(sorted(self._known & self._reasons.keys()))

    def may_take(self, address: str) -> bool:
        """Whether runs that are rung for so are for this worker; a backfill that it has never heard of is noted."""
        if backfill_at(address) not in self._known:
            self._leave_out(backfill_at(address), UNKNOWN)
        return self.takes(address)

    def takes(self, address: str) -> bool:
        """The same, of which nothing is noted."""
        backfill = backfill_at(address)
        is_served = backfill in self._known and backfill not in self._reasons
        return is_served and self.versions[backfill] == version_at(address)

    async def take_up_when_ready(
        self, check: Callable[[str], Awaitable[object]], leave: Callable[[str], Awaitable[object]] | None = None
    ) -> None:
        """Until everything that is known is served. `check` raises what stands in the way; `leave` what has come to
        stand there since, where that may happen: then it is looked at for ever."""
        while self.not_ready or leave is not None:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            if leave is not None:
                await self._leave_what_cannot_go_on(leave)
            for name in self.not_ready:
                try:
                    await check(name)
                except OperatorError as error:
                    self._leave_out(name, str(error))
                except Exception as error:  # noqa: BLE001 - whatever it is, the others are to be looked at as well
                    self._leave_out(name, told_by_class("the check", error))
                else:
                    del self._reasons[name]
                    log.info("backfill taken up", backfill=name)
                    self.changed()

    async def _leave_what_cannot_go_on(self, leave: Callable[[str], Awaitable[object]]) -> None:
        for name in self.served:
            try:
                await leave(name)
            except OperatorError as error:
                self._leave_out(name, str(error))

    def _leave_out(self, name: str, reason: str) -> None:
        if self._reasons.get(name) != reason:
            self._reasons[name] = reason
            log.warning("backfill not served", backfill=name, reason=reason)
            self.changed()


class Served:
    """What is served by any worker that is alive, asked for many times and looked up once in a while."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self.serving = serving
        self._names: frozenset[str] = frozenset()
        self._until = 0.0

    async def names(self) -> tuple[str, ...]:
        if time.monotonic() >= self._until:
            workers = await self._store.workers()
            self._names = frozenset(name for worker in workers for name in worker.backfills)
            self._until = time.monotonic() + NAMES_KEPT_SECONDS
        return tuple(sorted(self._names.union(self.serving.served)))
