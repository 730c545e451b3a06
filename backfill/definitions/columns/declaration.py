"""What an author's class says, validated: which rows, which columns, and what is right for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, Table, and_, cast, literal, not_, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.tables import columns_in, has_subquery
from backfill.definitions.walk import Walk
from backfill.definitions.walk.keys import comparable
from backfill.sql.built import render

if TYPE_CHECKING:
    from backfill.definitions.keepers.keeper import Keeper


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """One column, and the expression that is right for it."""

    column: Column[Any]
    expression: ColumnElement[Any]

    @property
    def differs(self) -> ColumnElement[bool]:
        """Compared as the value will be stored, because storing may round it; text is not cut, but refused."""
        if isinstance(self.column.type, JSON):  # json has no equality
            return cast(self.column, JSONB).is_distinct_from(cast(self.expression, JSONB))
        kind = self.column.type if _has_scale(self.column) else comparable(self.column.type)
        return self.column.is_distinct_from(cast(self.expression, kind))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declaration:
    """`spoken` is how mistakes speak of it; the rest is as in `Columns`."""

    spoken: str
    name: str
    about: str
    walk: Walk
    settings: tuple[Setting, ...]
    where: ColumnElement[bool] | None
    todo: ColumnElement[bool] | None
    check: ColumnElement[bool] | None
    batch_rows: int | None
    keeper: Keeper

    @property
    def table(self) -> Table:
        return self.walk.table

    @property
    def is_row_local(self) -> bool:
        """Whether a row's values follow from that row alone."""
        return not any(has_subquery(setting.expression) for setting in self.settings)

    @property
    def belongs(self) -> ColumnElement[bool]:
        return true() if self.where is None else self.where

    @property
    def differs(self) -> ColumnElement[bool]:
        return or_(*(setting.differs for setting in self.settings))

    @property
    def needs_work(self) -> ColumnElement[bool]:
        """Finds work: may be true of rows that are right."""
        if self.todo is not None:
            return and_(self.belongs, self.todo)
        return and_(self.belongs, self.differs) if self.is_row_local else self.belongs

    @property
    def may_need_work(self) -> ColumnElement[bool]:
        """The same where an expression fails for one of the rows: without looking at it."""
        return self.belongs if self.todo is None else self.needs_work

    @property
    def broken(self) -> ColumnElement[bool]:
        """True for a row that is not right."""
        wrong = self.differs if self.check is None else not_(self.check.is_(true()))
        return and_(self.belongs, wrong)

    def wrong_rows(self) -> str:
        """A SELECT of those, as text."""
        return render(select(literal(1)).select_from(self.table).where(self.broken))

    @property
    def expressions(self) -> tuple[ColumnElement[Any], ...]:
        """All that the author wrote."""
        given = (self.where, self.todo, self.check)
        return (*(one.expression for one in self.settings), *(one for one in given if one is not None))

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(setting.column.name for setting in self.settings)

    @property
    def inputs(self) -> tuple[Column[Any], ...]:
        """Columns of any table on which it depends what is right."""
        where = () if self.where is None else (self.where,)
        return columns_in((*(setting.expression for setting in self.settings), *where))


def _has_scale(column: Column[Any]) -> bool:
    return getattr(column.type, "scale", None) is not None
