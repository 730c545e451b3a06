"""The options of `calls`, and the definition that they come to."""

from __future__ import annotations

import inspect as inspect_function
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from pydantic import BaseModel
from sqlalchemy import Column, Table, inspect
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.calls.answers import Function, Place
from backfill.definitions.calls.calling import RunsIn, Terms
from backfill.definitions.calls.spec import RECOMPUTE, Spec
from backfill.definitions.hooks import Hooks
from backfill.definitions.keepers import BY_TRIGGER, Keeper, keeper_of
from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.parameters import resolved
from backfill.definitions.tables import column_of, columns_in, expression_of, table_of
from backfill.definitions.walk import Walk

BATCH_ROWS = 10_000
TIMEOUT_SECONDS = 30.0
ATTEMPTS = 3
ON_THE_LOOP, IN_THREADS = 20, 8


class Options(TypedDict, total=False):
    """What `calls` takes besides `table` and `reads`; all of it may be left out.

    name: what operators type; the function's name, with hyphens.
    about: in one sentence what a run does; the first line of the function's docstring.
    writes: the columns that the function gives, as keys of a dict. Left out: the columns of the table that `todo`
        speaks of and `reads` does not have. With neither, or `[]`, the function is called for what it does, gives None,
        and may be called for a row more than once: at least once. A call then counts as a row written.
    todo: of which rows the function is to be called, an SQL expression. It finds work and is never taken for what is
        right. A row that is still to do after it was written is quarantined, unless `check` is an SQL expression. Left
        out: of all of them, in every run anew; only values that differ are written.
    where: the rows that are concerned at all, an SQL expression.
    check: what is right, an SQL expression; or `"recompute"`: the verification calls the function again for every row
        that is done, and compares. For functions that give the same again, in values that the column's type keeps as
        they are. Left out: it can only say whether a row is left to do, and says that.
    kept_by: who keeps it right while the application writes. "application": it writes the columns itself. "frozen":
        rows do not change. "trigger": the one that `sync_trigger` makes of this definition. It empties what was
        written, by NULL, as soon as what was read changes, so that the row is to do again; the next run does it, and
        what is to do again at the end of a run is a warning. `todo` has to be true where these columns are NULL. Or a
        `SyncTrigger` of your own. Left out: nobody, and that is said.
    order_by: a column, or several, along which the rows are walked, as for Columns.
    concurrency: calls at once in one worker process: 20 of an `async` function, 8 in threads, one for each processor in
        processes. All ranges that a worker has share them.
    runs_in: "threads", or "processes" for work on the CPU, which in a thread would keep the worker from saying that it
        is alive. The function is then imported there, so it has to be at the top of a module. `async` ones run on the
        worker's own loop and must not block it.
    rate: calls begun a second in one worker process. For all workers together there is the pace's rows_per_second.
    timeout: seconds that a call may take, 30 if left out. In a thread it goes on, but nobody waits for it.
    retry_on: exceptions after which a call is made again, up to `attempts` times in all (3 if left out), after a wait
        that doubles and is never the same twice. Not of those: the row is quarantined at once.
    rows_per_call: the function takes a list of up to so many rows and gives a list of as many answers. An exception
        that it gives in place of an answer is that row's. Where such a call raises, each of its rows is tried alone.
    batch_rows: how many rows are read at once at most, where they are large.
    bound: a subclass of `Calls` to bind instead of it: for what else a batch does, or verification looks at, that a
        function of a row cannot say.
    parameters, version, hooks, after, not_here, database: as of every Definition. With parameters the function takes
        them after the row, and todo, where and check may be functions of them.
    """

    name: str
    about: str
    writes: Sequence[Any]
    todo: Any
    where: Any
    check: Any
    kept_by: Any
    order_by: Any
    concurrency: int
    runs_in: str
    rate: float
    timeout: float
    retry_on: Sequence[type[Exception]]
    attempts: int
    rows_per_call: int
    batch_rows: int
    bound: type[Any]
    after: Sequence[str]
    not_here: Callable[[], str | None]
    parameters: type[BaseModel]
    version: str
    hooks: Hooks
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the author wrote."""

    table: Any
    reads: Sequence[Any]
    options: Options
    function: Callable[..., Any]

    def spec(self, parameters: BaseModel | None) -> Spec:
        """Raises AuthorsMistake."""
        options, where = self.options, self.function.__name__
        if unknown := sorted(options.keys() - Options.__annotations__.keys()):
            known = ", ".join(sorted(Options.__annotations__))
            raise AuthorsMistake(where, f"{', '.join(unknown)} is none of its options: {known}")
        table = table_of(self.table, f"{where}.table")
        order_by = options.get("order_by", ())
        given = order_by if isinstance(order_by, tuple | list) else (order_by,)
        order = [column_of(one, table, f"{where}.order_by") for one in given]
        walk = Walk.over(table, order_by=order, where=where)
        reads = {**self._named(walk.identity, "table"), **self._named(self.reads, "reads")}
        todo = self._expression("todo", parameters)
        recomputes = isinstance(options.get("check"), str) and options.get("check") == RECOMPUTE
        name = options.get("name", where.replace("_", "-").lower())
        return Spec(
            spoken=where,
            name=name,
            about=options.get("about") or _first_line(self.function) or f"Calls {where} for the rows of {table.name}.",
            walk=walk,
            function=self._function(),
            terms=self._terms(),
            reads=reads,
            writes=self._writes(todo, reads, walk),
            todo=todo,
            where=self._expression("where", parameters),
            check=None if recomputes else self._expression("check", parameters),
            recomputes=recomputes,
            kept_by=self._keeper(),
            batch_rows=self._at_least("batch_rows", BATCH_ROWS, 1),
        )

    def _expression(self, option: str, parameters: BaseModel | None) -> ColumnElement[bool] | None:
        given = resolved(self.options.get(option), parameters)
        return None if given is None else expression_of(given, f"{self.function.__name__}.{option}")

    def _named(self, given: Sequence[Any], option: str) -> dict[str, Column[Any]]:
        """By the names that the function knows columns by: those of a mapped class's attributes, or the columns'."""
        where = f"{self.function.__name__}.{option}"
        table = table_of(self.table, where)
        return {self._name(column): column for column in (column_of(one, table, where) for one in given)}

    def _name(self, column: Column[Any]) -> str:
        if isinstance(self.table, Table):
            return column.key
        return str(inspect(self.table).get_property_by_column(column).key)

    def _keeper(self) -> Keeper | None:
        given, where = self.options.get("kept_by"), f"{self.function.__name__}.kept_by"
        keeper = None if given is None else keeper_of(given, where)
        if keeper == BY_TRIGGER and callable(self.options.get("where")) and "parameters" in self.options:
            raise AuthorsMistake(where, "a trigger does not know the parameters of a run, of which where is a function")
        return keeper

    def _writes(
        self, todo: ColumnElement[bool] | None, reads: Mapping[str, Column[Any]], walk: Walk
    ) -> dict[str, Column[Any]]:
        where = f"{self.function.__name__}.writes"
        given = self.options.get("writes")
        if given is None:
            spoken_of = () if todo is None else columns_in([todo])
            read = set(reads.values())
            given = [column for column in spoken_of if column.table is walk.table and column not in read]
            if todo is not None and not given:
                raise AuthorsMistake(
                    where, "todo speaks of no column that is not read: name the columns that the function gives, or []"
                )
        writes = self._named(given, "writes")
        for name, column in writes.items():
            if column in walk.key:
                raise AuthorsMistake(where, f"{name} is what the rows are walked by, which must not change")
        return writes

    def _function(self) -> Function:
        where, options = self.function.__name__, self.options
        retry_on: tuple[Any, ...] = tuple(options.get("retry_on", ()))
        if not all(isinstance(one, type) and issubclass(one, Exception) for one in retry_on):
            raise AuthorsMistake(f"{where}.retry_on", "give classes of exceptions")
        if "attempts" in options and not retry_on:
            raise AuthorsMistake(f"{where}.attempts", "say with retry_on after which exceptions a call is made again")
        return Function(function=self.function, batched="rows_per_call" in options, retry_on=retry_on)

    def _terms(self) -> Terms:
        options, runs_in = self.options, self._runs_in()
        at_once = {RunsIn.LOOP: ON_THE_LOOP, RunsIn.THREADS: IN_THREADS, RunsIn.PROCESSES: os.cpu_count() or 1}
        return Terms(
            runs_in=runs_in,
            concurrency=self._at_least("concurrency", at_once[runs_in], 1),
            timeout=self._above_zero("timeout", TIMEOUT_SECONDS),
            rate=self._above_zero("rate", 0.0) or None,
            attempts=self._at_least("attempts", ATTEMPTS, 1) if options.get("retry_on") else 1,
            together=self._at_least("rows_per_call", 1, 1),
        )

    def _runs_in(self) -> RunsIn:
        where, given = f"{self.function.__name__}.runs_in", self.options.get("runs_in")
        is_async = inspect_function.iscoroutinefunction(self.function)
        if given is None:
            return RunsIn.LOOP if is_async else RunsIn.THREADS
        if given not in {RunsIn.THREADS, RunsIn.PROCESSES}:
            raise AuthorsMistake(where, f'{given!r} is neither "threads" nor "processes"')
        if is_async:
            raise AuthorsMistake(
                where, "an async function runs on the worker's own loop: leave it out, or make it a plain one"
            )
        place = Place(self.function.__module__, self.function.__qualname__)
        if given == RunsIn.PROCESSES and place.is_hidden:
            raise AuthorsMistake(where, f"{place} is not at the top of a module, where another process could import it")
        return RunsIn(given)

    def _at_least(self, option: str, otherwise: int, least: int) -> int:
        given = self.options.get(option, otherwise)
        if not isinstance(given, int) or given < least:
            raise AuthorsMistake(f"{self.function.__name__}.{option}", f"give a whole number of {least} or more")
        return given

    def _above_zero(self, option: str, otherwise: float) -> float:
        given: Any = self.options.get(option, otherwise)
        if option in self.options and (not isinstance(given, int | float) or given <= 0):
            raise AuthorsMistake(f"{self.function.__name__}.{option}", "give a number above 0")
        return float(given)


def _first_line(function: Callable[..., Any]) -> str:
    lines = (function.__doc__ or "").strip().splitlines()
    return lines[0] if lines else ""
