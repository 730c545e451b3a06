"""Rows as a function sees them, what it is called with, and what came of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from backfill.definitions.mistakes import Refused
from backfill.engine.guard import told_by_class

THE_FUNCTION = "the function"


class Row:
    """What was read of one row: its primary key and the columns of `reads`, as attributes. It never shows a value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_values":  # of copying and pickling, before there is anything
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values)
            raise AttributeError(f"a row has no {name} here: it was read with {known}; name more in reads") from None

    def __repr__(self) -> str:
        return f"<Row with {', '.join(self._values)}>"


@dataclass(frozen=True, slots=True)
class Gave:
    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """`reason` is the class and the place of an exception; `again`: the author said that it may be tried again."""

    reason: str
    again: bool = False


Answer = Gave | Raised
Answers = list[Answer] | Raised
"""One for each row of a call, or that the call as a whole came to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """An author's function, plain or `async`. `batched`: it takes a list of rows and gives a list of answers.

    What it is called with besides the rows are the run's parameters, where it has some.
    """

    function: Callable[..., Any]
    batched: bool
    retry_on: tuple[type[BaseException], ...] = ()

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @property
    def place(self) -> Place:
        return Place(self.function.__module__, self.function.__qualname__)

    def apply(self, rows: Sequence[Row], *besides: Any) -> Answers:
        """Whatever it raises is an answer."""
        if self.batched:
            return self._answers(rows, lambda: self.function(list(rows), *besides))
        return [self._answer(row, *besides) for row in rows]

    async def apply_async(self, rows: Sequence[Row], *besides: Any) -> Answers:
        """The same of an `async` function; raises nothing but the cancellation of this task."""
        try:
            value = await self.function(list(rows) if self.batched else rows[0], *besides)
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            return self._raised(error)
        return self._answers(rows, lambda: value) if self.batched else [Gave(value)]

    def _answer(self, row: Row, *besides: Any) -> Answer:
        try:
            return Gave(self.function(row, *besides))
        except BaseException as error:  # noqa: BLE001 - an author's code may raise anything
            return self._raised(error)

    def _answers(self, rows: Sequence[Row], call: Callable[[], Any]) -> Answers:
        try:
            values = list(call())
        except BaseException as error:  # noqa: BLE001 - an author's code may raise anything
            return self._raised(error)
        if len(values) != len(rows):
            return Raised(f"{THE_FUNCTION} gave {len(values)} answers for {len(rows)} rows")
        return [self._raised(value) if isinstance(value, Exception) else Gave(value) for value in values]

    def _raised(self, error: BaseException) -> Raised:
        if isinstance(error, Refused):
            return Raised(f"{THE_FUNCTION} refused the row: {error}", again=isinstance(error, self.retry_on))
        return Raised(told_by_class(THE_FUNCTION, error), again=isinstance(error, self.retry_on))


@dataclass(frozen=True, slots=True)
class Place:
    """Where another process finds a function again, under the name that its definition has there."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def is_hidden(self) -> bool:
        return self.module == "__main__" or "<" in self.name

    @property
    def why_not(self) -> str | None:
        """Why another process could not find it."""
        if self.is_hidden:
            return f"{self} is not at the top of a module that can be imported"
        try:
            self.load()
        except Exception as error:  # noqa: BLE001 - an author's module may raise anything
            return told_by_class(f"finding {self}", error)
        return None

    def load(self) -> Function:
        found: Any = import_module(self.module)
        for name in self.name.split("."):
            found = getattr(found, name)
        function: Function = found.function
        return function
