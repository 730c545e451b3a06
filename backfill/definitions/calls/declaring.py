"""`@calls`: a backfill that is a Python function over rows.

    @calls(table=Document, reads=[Document.body], todo=Document.sha256.is_(None))
    def sha256(row):
        return {"sha256": hashlib.sha256(row.body.encode()).hexdigest()}

The function gets one row, with its primary key and what `reads` names as attributes, and gives the values of all the
columns that are written. It is called outside of any transaction. What it gives is written only while the row still is
what it was read as and is still to do: a change of the application is never overwritten with a value that was computed
from something older; such a row is read and computed again.

An exception is its row's: the row is quarantined with the class and the place of it, never with its text, and nothing
else is computed again.

A preview calls a function that gives values for the rows that it tries out, and writes nothing. One that is called for
what it does, it does not call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, Unpack
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions.calls.answers import Function
from backfill.definitions.calls.bound import Calls
from backfill.definitions.calls.calling import Caller
from backfill.definitions.calls.declared import Declared, Options
from backfill.definitions.calls.keeping import made
from backfill.definitions.calls.spec import Spec
from backfill.definitions.definition import Definition
from backfill.definitions.hooks import Hooks
from backfill.definitions.keepers import Made
from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.parameters import sample_of
from backfill.sql.transactions import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsDefinition(Definition):
    """A definition that can still be called as the function it is of: `sha256(row)` in a test of the author's."""

    function: Function
    spec: Spec

    def __call__(self, *arguments: Any) -> Any:
        return self.function.function(*arguments)

    def sync_trigger(self) -> Made:
        """As `backfill.definitions.keepers.sync_trigger` gives it."""
        return made(self.spec)


def calls(
    *, table: Any, reads: Sequence[Any], **options: Unpack[Options]
) -> Callable[[Callable[..., Any]], CallsDefinition]:
    """Of a mapped class or a Table, and the columns that the function reads. Raises AuthorsMistake.

    The module says what the function is to be like, `Options` what else there is to say.
    """

    def define(function: Callable[..., Any]) -> CallsDefinition:
        if not isinstance(function, FunctionType):
            raise AuthorsMistake("calls", f"{function!r} is no function: put it above a def, or an async def")
        declared = Declared(table=table, reads=reads, options=options, function=function)
        parameters = options.get("parameters")
        sample = declared.spec(None if parameters is None else sample_of(parameters))
        return CallsDefinition(
            name=sample.name,
            about=sample.about,
            bind=Binding(declared),
            needs=options.get("bound", Calls).needs_of(sample),
            parameters=parameters,
            version=options.get("version", "1"),
            hooks=options.get("hooks", Hooks()),
            after=tuple(options.get("after", ())),
            not_here=options.get("not_here"),
            database=options.get("database", ""),
            function=sample.function,
            spec=sample,
        )

    return define


class Binding:
    """Binds to a database. All that one process binds share one caller, and with it the bounds of the calls."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._callers: WeakKeyDictionary[asyncio.AbstractEventLoop, Caller] = WeakKeyDictionary()

    def __call__(self, engine: AsyncEngine, limits: Limits, parameters: BaseModel | None = None) -> Calls:
        spec = self._declared.spec(parameters)
        besides = () if parameters is None else (parameters,)
        kind: type[Calls] = self._declared.options.get("bound", Calls)
        return kind(engine, limits, spec, partial(self._caller, spec), besides)

    def _caller(self, spec: Spec) -> Caller:
        """A loop's own: what bounds the calls belongs to it."""
        loop = asyncio.get_running_loop()
        if loop not in self._callers:
            self._callers[loop] = Caller(spec.function, spec.terms)
        return self._callers[loop]
