"""Reads an author's class, and says what is wrong with it in words that name the class and the attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import Column, Table, literal
from sqlalchemy.sql.elements import ColumnElement

from backfill.definitions.columns.declaration import Declaration, Setting
from backfill.definitions.declared import about_of, name_of
from backfill.definitions.keepers import keeper_of
from backfill.definitions.keepers.keeper import BY_TRIGGER
from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.parameters import resolved
from backfill.definitions.tables import column_of, columns_in, expression_of, table_of
from backfill.definitions.walk import Walk

if TYPE_CHECKING:
    from backfill.definitions.columns.columns import Columns


def declaration_of(cls: type[Columns], parameters: BaseModel | None = None) -> Declaration:
    """With the parameters of a run, where it takes some. Raises AuthorsMistake."""
    spoken = cls.__name__
    table = table_of(cls.table, f"{spoken}.table")
    order = cls.order_by if isinstance(cls.order_by, (tuple, list)) else (cls.order_by,)
    walk = Walk.over(table, order_by=[column_of(one, table, f"{spoken}.order_by") for one in order], where=spoken)
    settings = tuple(_settings(resolved(cls.sets, parameters), table, parameters, f"{spoken}.sets"))
    declaration = Declaration(
        spoken=spoken,
        name=name_of(cls),
        about=about_of(cls),
        walk=walk,
        settings=settings,
        where=_condition(resolved(cls.where, parameters), f"{spoken}.where"),
        todo=_condition(resolved(cls.todo, parameters), f"{spoken}.todo"),
        check=_condition(resolved(cls.check, parameters), f"{spoken}.check"),
        batch_rows=_batch_rows(cls),
        keeper=keeper_of(cls.kept_by, f"{spoken}.kept_by"),
    )
    _require_no_circle(declaration)
    _require_no_trigger_of_parameters(cls, declaration)
    return declaration


def _batch_rows(cls: type[Columns]) -> int | None:
    rows: Any = cls.batch_rows
    if rows is not None and (not isinstance(rows, int) or rows < 1):
        raise AuthorsMistake(f"{cls.__name__}.batch_rows", f"{rows!r} is no number of rows")
    return rows


def _settings(sets: Any, table: Table, parameters: BaseModel | None, where: str) -> Iterator[Setting]:
    if not isinstance(sets, Mapping) or not sets:
        raise AuthorsMistake(where, "give a dictionary: a column, and the expression that is right for it")
    for key, value in sets.items():
        column = column_of(key, table, where)
        given = resolved(value, parameters)
        yield Setting(column=column, expression=_value(given, column, f"{where}[{column.name}]"))


def _value(given: object, column: Column[Any], where: str) -> ColumnElement[Any]:
    if given is None or isinstance(given, (str, int, float)):
        return literal(given, column.type)
    return expression_of(given, where)


def _condition(given: object, where: str) -> ColumnElement[bool] | None:
    return None if given is None else expression_of(given, where)


def _require_no_trigger_of_parameters(cls: type[Columns], declaration: Declaration) -> None:
    made_of_them = {"sets": cls.sets, "where": cls.where}
    if isinstance(cls.sets, Mapping):
        made_of_them |= {f"sets[{key}]": value for key, value in cls.sets.items()}
    for name, given in made_of_them.items():
        if declaration.keeper == BY_TRIGGER and isinstance(given, FunctionType):
            what = f"a trigger does not know the parameters of a run, of which {name} is a function"
            raise AuthorsMistake(f"{declaration.spoken}.kept_by", what)


def _require_no_circle(declaration: Declaration) -> None:
    """What is right must not depend on what is written, and a walk not on what it changes."""
    table, spoken = declaration.table, declaration.spoken
    written = {setting.column for setting in declaration.settings}
    for column in declaration.walk.key:
        if column in written:
            raise AuthorsMistake(f"{spoken}.sets", f"{column.name} is part of the key by which rows are found")
    for setting in declaration.settings:
        for column in columns_in([setting.expression]):
            if column in written and column.table is table:
                what = f"it reads {column.name}, which is set itself: write out what {column.name} is made of"
                raise AuthorsMistake(f"{spoken}.sets[{setting.column.name}]", what)
    for column in columns_in([] if declaration.where is None else [declaration.where]):
        if column in written:
            what = f"it reads {column.name}, which is set: what finds rows without a value is `todo`"
            raise AuthorsMistake(f"{spoken}.where", what)
