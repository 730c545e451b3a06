"""A backfill of somebody else's over rows in this process: what an author may get wrong is said in `raises`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from backfill.engine.protocols import CheckedPage, PartSettled, Settled
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, Rule
from backfill.runs.ranges import Key, Plan, Span, Unit

SECRET = "alice@example.com"  # in every exception's text, as a value of a row would be


class AuthorsMistake(Exception):
    def __init__(self) -> None:
        super().__init__(f"cannot read {SECRET}")


@dataclass(slots=True)
class Authored:
    """Units u0000, u0001, ... of one row each. `raises` has the exception of each method, `poisoned` the units for
    which it is raised where units are named; `hangs` are methods that never come back.

    Settling is counted in `transactions`. `forgotten` units look done to pages and are found by verification, `busy`
    ones are locked by somebody, `capped` ones are for parts. `refused` ones it refuses itself, and of a batch it begins
    `begins` units at most.
    """

    units: int
    name: str = "generation-versions"
    rules: Sequence[Rule] = ()
    raises: Mapping[str, type[BaseException]] = field(default_factory=dict)
    poisoned: Collection[str] = ()
    hangs: Collection[str] = ()
    forgotten: Collection[str] = ()
    busy: Collection[str] = ()
    capped: Collection[str] = ()
    refused: Collection[str] = ()
    begins: int = 1_000_000
    done: set[str] = field(default_factory=set)
    transactions: list[int] = field(default_factory=list)

    async def check_schema(self) -> tuple[Finding, ...]:
        await self._fail("check_schema")
        return ()

    async def check_privileges(self, *, writes: bool) -> tuple[Finding, ...]:
        await self._fail("check_privileges")
        return ()

    async def plan(self, ranges: int) -> Plan:
        await self._fail("plan")
        spans = (Span(start=None, end=(_name(self.units - 1),)),)
        return Plan(spans=spans, units_total=self.units, rows_total=self.units, total_is_estimate=False)

    async def read_page(self, after: Key | None, end: Key, *, units: int, row_cap: int) -> tuple[Unit, ...]:
        await self._fail("read_page")
        return tuple(self._unit(name, looks_done=name in self.forgotten) for name in self._names(after, units))

    async def read_units(self, unit_ids: Collection[str], *, row_cap: int) -> tuple[Unit, ...]:
        await self._fail("read_units", unit_ids)
        return tuple(self._unit(name) for name in sorted(unit_ids))

    async def count_rows(self, unit_id: str) -> int:
        await self._fail("count_rows", [unit_id])
        return 1

    async def settle(self, unit_ids: Sequence[str]) -> Settled:
        self.transactions.append(len(unit_ids))
        await self._fail("settle", unit_ids)
        unit_ids, left = unit_ids[: self.begins], unit_ids[self.begins :]
        refused = {name: BatchFailed(Failure.ROW, "it refuses this one", sqlstate=None) for name in self.refused}
        refused = {name: failed for name, failed in refused.items() if name in unit_ids}
        free = set(unit_ids) - set(self.busy) - refused.keys()
        written = len(free - self.done)
        self.done |= free
        return Settled(
            written=written,
            contended=frozenset(unit_ids) - free - refused.keys(),
            refused=refused,
            left=frozenset(left),
        )

    async def settle_part(self, unit_id: str, mark: str | None, *, rows: int) -> PartSettled:
        self.transactions.append(1)
        await self._fail("settle_part", [unit_id])
        self.done.add(unit_id)
        return PartSettled(written=1, mark=None, finished=True)

    async def check_page(self, after: Key | None, end: Key | None, *, units: int) -> CheckedPage:
        await self._fail("check_page")
        names = self._names(after, units)
        mendable = tuple(name for name in names if name not in self.done)
        return CheckedPage(units=len(names), last_key=(names[-1],) if names else None, findings=(), mendable=mendable)

    async def _fail(self, method: str, unit_ids: Collection[str] | None = None) -> None:
        concerned = unit_ids is None or not self.poisoned or bool(set(unit_ids) & set(self.poisoned))
        if concerned and method in self.hangs:
            await asyncio.Event().wait()
        if concerned and method in self.raises:
            raise self.raises[method]

    def _unit(self, name: str, *, looks_done: bool = False) -> Unit:
        done = looks_done or name in self.done
        return Unit(id=name, key=(name,), rows=1, todo=int(not done), settled=done, capped=name in self.capped)

    def _names(self, after: Key | None, units: int) -> list[str]:
        first = 0 if after is None else int(after[0][1:]) + 1
        return [_name(number) for number in range(first, min(first + units, self.units))]


def _name(number: int) -> str:
    return f"u{number:04d}"
