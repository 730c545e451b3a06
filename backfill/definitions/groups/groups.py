"""The class that an author of units that are settled whole writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel
from sqlalchemy import false
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.definitions.declared import Declared
from backfill.definitions.definition import Definition
from backfill.definitions.groups import checking
from backfill.definitions.groups.bound import GroupsBackfill, Run
from backfill.definitions.groups.declaration import Declaration
from backfill.definitions.groups.queries import STATEMENTS, GroupQueries
from backfill.definitions.groups.reading import declaration_of
from backfill.definitions.hooks import Hooks
from backfill.definitions.keepers.keeper import SyncTrigger
from backfill.definitions.walk import count_left, places_of, plan
from backfill.definitions.walk.keys import parts_of, unit_id
from backfill.engine.protocols import CheckedPage, Settled
from backfill.runs.forecast import Amount
from backfill.runs.preview import TableSize
from backfill.runs.ranges import Key, Plan, Unit
from backfill.sql.folder import SqlFolder
from backfill.sql.plans import StatementsOfRun, walk_in_order
from backfill.sql.transactions import Limits, transaction

PAGE_UNITS = 1_000
ROW_CAP = 1_000


class Groups(Declared, GroupsBackfill):
    """Units whose rows are right only together: a unit is locked with all of its rows, and settled in one transaction.

        class LineNumbers(Groups):
            \"\"\"Numbers the items of each order.\"\"\"

            table = Order
            rows = Item
            writes = [Item.line]
            todo = Item.line.is_(None)
            checks = {"numbered": "The items of an order are numbered from 1, each number once"}
            kept_by = SyncTrigger(name="items_number", table=Item)

    `table` has the units, `rows` what is written, with a foreign key to it and an index on that. `todo` says of a row
    that it is left to do. Two statements are the author's own, in `sql/line_numbers/` beside the module:

    `settle.sql`  writes the rows of units that are locked with all their rows; safe to do again. Without RETURNING what
                  it has written is counted, else it says so in a column `written`.
    `check.sql`   one row for each breach: `rule`, and the columns of the unit's primary key.

    Both get the units as a parameter for each column of that key, of its name: a text[], to be cast.

    `checks` has for each rule that check.sql names the sentence that is true when nothing breaks it. `kept_by` says who
    keeps rows right while the application writes: a `SyncTrigger` of the author's own, which must lock the unit's row
    before it computes from other rows; "application" or "frozen".

    May be left out:
    `name`     what operators type; from the class name, line-numbers here
    `warns`    as `checks`, for rules that do not make a run fail
    `reads`    columns that the SQL reads besides, for the checks of schema and rights
    `order_by` columns of `table`, NOT NULL, that the walk follows before the primary key
    `sql`      `SqlFolder("package", "folder")`, where the statements stand elsewhere
    `Parameters`, `version`, `hooks`: as of every Definition; the statements get parameters by their names

    A unit that is larger than a batch is settled whole, unless the class has a `settle_part` of its own. Whatever else
    does not fit, a class can do by itself: every method of `GroupsBackfill` may be replaced. What has SQL of
    its own for everything is a `GroupsBackfill`.
    """

    table: ClassVar[Any]
    rows: ClassVar[Any]
    writes: ClassVar[Any]
    todo: ClassVar[Any]
    checks: ClassVar[Mapping[str, str]]
    warns: ClassVar[Mapping[str, str]] = {}
    reads: ClassVar[Any] = ()
    order_by: ClassVar[Any] = ()
    sql: ClassVar[SqlFolder | None] = None
    kept_by: ClassVar[str | SyncTrigger | Sequence[SyncTrigger]]
    Parameters: ClassVar[type[BaseModel] | None] = None
    version: ClassVar[str] = "1"
    hooks: ClassVar[Hooks] = Hooks()
    database: ClassVar[str] = ""

    _declaration: ClassVar[Declaration]
    _definition: ClassVar[Definition]

    def __init_subclass__(cls) -> None:
        """Raises AuthorsMistake."""
        super().__init_subclass__()
        if cls.is_complete():
            cls._declaration = declared = declaration_of(cls)
            cls.name, cls.about = declared.name, declared.about
            cls.needs, cls.rights, cls.rules = declared.needs(), declared.rights(), declared.rules
            cls.tables, cls.written = declared.tables, declared.written
            cls.queries = GroupQueries(declared)
            cls.statements = StatementsOfRun(folder=cls.queries, statements=STATEMENTS, tables=declared.tables)
            cls._definition = Definition(
                name=cls.name,
                about=cls.about,
                bind=cls,
                needs=cls.needs,
                parameters=cls.Parameters,
                version=cls.version,
                hooks=cls.hooks,
                database=cls.database,
            )

    def __init__(self, engine: AsyncEngine, limits: Limits, parameters: BaseModel | None = None) -> None:
        super().__init__(engine, limits)
        self.parameters = parameters

    @classmethod
    def is_complete(cls) -> bool:
        return hasattr(cls, "table") and hasattr(cls, "rows")

    @classmethod
    def definition(cls) -> Definition:
        return cls._definition

    @classmethod
    def declaration(cls) -> Declaration:
        """What the class says, validated."""
        return cls._declaration

    async def places_of(self, keys: Sequence[Key]) -> Sequence[int]:
        async with transaction(self.engine, self.limits) as connection:
            return await places_of(connection, self._declaration.walk, keys)

    async def plan(self, ranges: int) -> Plan:
        async with self.scanning() as connection:
            units = await plan(connection, self._declaration.walk, ranges)
            rows = await count_left(connection, self._declaration.rows, self._declaration.todo)
        return Plan(
            spans=units.spans,
            units_total=units.units_total,
            rows_total=rows.rows,
            total_is_estimate=units.total_is_estimate or rows.is_estimate,
        )

    async def page_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key], *, units: int, row_cap: int
    ) -> tuple[Unit, ...]:
        await walk_in_order(connection)
        parameters = {"bounds": bounds, "units": units, "row_cap": row_cap}
        return self._units(await self.queries.run(connection, "read_page", parameters))

    async def units_in(
        self, connection: AsyncConnection, unit_ids: Collection[str], *, row_cap: int
    ) -> tuple[Unit, ...]:
        parameters = {"unit_ids": list(unit_ids), "row_cap": row_cap}
        return self._units(await self.queries.run(connection, "read_units", parameters))

    async def count_in(self, connection: AsyncConnection, unit_id: str) -> int:
        return int((await self.queries.run(connection, "count_rows", {"unit_id": unit_id})).scalar_one())

    async def lock_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> list[str]:
        return [unit_id(parts) for parts in await run(connection, "lock_units", {"unit_ids": list(unit_ids)})]

    async def settle_in(self, connection: AsyncConnection, unit_ids: Sequence[str], run: Run) -> Settled:
        locked = await self.lock_in(connection, unit_ids, run)
        rows = _by_unit(await run(connection, "lock_rows", {"unit_ids": locked}))
        there = _by_unit(await run(connection, "count_locked", {"unit_ids": locked}))
        whole = [unit for unit in locked if there.get(unit, 0) == rows.get(unit, 0)]
        contended = frozenset(unit_ids) - frozenset(whole)
        if not whole:
            return Settled(written=0, contended=contended)
        result = await run(connection, "settle", self.named(whole))
        written = int(result.one().written) if result.returns_rows else result.rowcount
        return Settled(written=written, contended=contended)

    async def check_in(
        self, connection: AsyncConnection, bounds: tuple[Key | None, Key | None], *, units: int
    ) -> CheckedPage:
        return await checking.check(self, connection, bounds, units=units)

    async def amount_in(self, connection: AsyncConnection, tables: tuple[TableSize, ...]) -> Amount:
        declared = self._declaration
        units = await count_left(connection, declared.walk, false())
        rows = await count_left(connection, declared.rows, declared.todo)
        left = round(units.rows * rows.left / max(rows.rows, 1))
        if not rows.is_estimate:
            left = int((await self.queries.run(connection, "count_left", {})).scalar_one())
        return Amount(
            units=units.rows,
            rows=rows.rows,
            units_left=left,
            rows_left=rows.left,
            is_estimate=units.is_estimate or rows.is_estimate,
            table_bytes=sum(table.table_bytes for table in tables),
            index_bytes=sum(table.index_bytes for table in tables),
        )

    def parameters_for(self, units: Sequence[Unit]) -> Mapping[str, Mapping[str, Any]]:
        ids, bounds = [unit.id for unit in units], (units[0].key, units[-1].key)
        named = {"unit_ids": ids}
        return {
            "split": {"ranges": 16, "percent": 100.0},
            "read_page": {"bounds": bounds, "units": len(ids), "row_cap": ROW_CAP},
            "read_units": {"unit_ids": ids[:1], "row_cap": ROW_CAP},
            "lock_units": named,
            "lock_rows": named,
            "count_locked": named,
            "settle": self.named(ids),
            "read_keys": {"bounds": bounds, "units": PAGE_UNITS},
            "check": self.named(ids),
        }

    def named(self, unit_ids: Sequence[str]) -> dict[str, Any]:
        """Units as the author's statements get them, with the run's parameters."""
        identity = self._declaration.walk.identity
        parts = parts_of(unit_ids, len(identity))
        given = {} if self.parameters is None else self.parameters.model_dump()
        return {**given, **{column.name: texts for column, texts in zip(identity, parts, strict=True)}}

    def _units(self, found: Any) -> tuple[Unit, ...]:
        walk = self._declaration.walk
        units = []
        for row in found:
            *parts, rows, todo, capped, settled = row
            key = tuple(parts)
            units.append(Unit(id=walk.id_of(key), key=key, rows=rows, todo=todo, capped=capped, settled=settled))
        return tuple(units)


def _by_unit(found: Any) -> dict[str, int]:
    return {unit_id(parts): rows for *parts, rows in found}
