"""What a definition of calls comes to, once its declaration has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, and_, func, or_, true
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.calls.answers import Function
from backfill.definitions.calls.calling import Terms
from backfill.definitions.keepers import BY_TRIGGER, Keeper
from backfill.definitions.walk import Walk

RECOMPUTE = "recompute"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spec:
    """`spoken` is how mistakes speak of it. `reads` (the primary key too) and `writes` are columns by the names that
    the function knows them by. `recomputes`: what is right is what the function gives. `batch_rows` are read at once.
    """

    spoken: str
    name: str
    about: str
    walk: Walk
    function: Function
    terms: Terms
    reads: Mapping[str, Column[Any]]
    writes: Mapping[str, Column[Any]]
    todo: ColumnElement[bool] | None
    where: ColumnElement[bool] | None
    check: ColumnElement[bool] | None
    recomputes: bool
    kept_by: Keeper | None
    batch_rows: int

    @property
    def table(self) -> Table:
        return self.walk.table

    @property
    def concerned(self) -> ColumnElement[bool]:
        return true() if self.where is None else self.where

    @property
    def to_do(self) -> ColumnElement[bool]:
        """Of which rows the function is to be called."""
        return self.concerned if self.todo is None else and_(self.concerned, self.todo)

    @property
    def not_to_do(self) -> ColumnElement[bool]:
        """Of the rows that are concerned, those that are done; without `todo` that may be any."""
        return self.concerned if self.todo is None else and_(self.concerned, or_(self.todo.is_(None), ~self.todo))

    @property
    def is_emptied(self) -> bool:
        """By a trigger, whenever what was read changes: then some rows are always to do again."""
        return self.kept_by == BY_TRIGGER

    @property
    def ends_todo(self) -> bool:
        """Whether a row that was written must not be to do any more: where an SQL check says what is right, it may be,
        as `todo` need not be exact."""
        return self.todo is not None and bool(self.writes) and (self.check is None or self.is_emptied)

    @property
    def mark(self) -> ColumnElement[bytes]:
        """Of all that a row was read with and is written with, exact for every type: a digest of what the server would
        send of it in binary. Texts depend on settings (DateStyle, extra_float_digits), json has no equality, and the
        version of a row changes with columns that nobody reads here."""
        columns = (*self.reads.values(), *self.writes.values())
        sent = func.record_send(func.row(*columns), type_=LargeBinary)
        return func.sha256(sent, type_=LargeBinary)
