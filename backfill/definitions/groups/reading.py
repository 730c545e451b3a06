"""Reads an author's class, and says what is wrong with it in words that name the class and the attribute."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table, UniqueConstraint

from backfill.definitions.declared import about_of, name_of
from backfill.definitions.groups.declaration import Declaration
from backfill.definitions.keepers.keeper import BY_TRIGGER, Kept, keeper_of, kept_by_own
from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.tables import column_of, columns_in, expression_of, table_of
from backfill.definitions.walk import Walk
from backfill.runs.findings import Rule
from backfill.sql.folder import SqlFolder
from backfill.sql.needs import IndexNeed
from backfill.sql.tables import PUBLIC

if TYPE_CHECKING:
    from backfill.definitions.groups.groups import Groups

FILES = {"settle": "writes the rows of units that are locked", "check": "finds units that are not right"}


def declaration_of(cls: type[Groups]) -> Declaration:
    """Raises AuthorsMistake."""
    spoken = cls.__name__
    table, rows = table_of(cls.table, f"{spoken}.table"), table_of(cls.rows, f"{spoken}.rows")
    order = _several(cls.order_by)
    walk = Walk.over(table, order_by=[column_of(one, table, f"{spoken}.order_by") for one in order], where=spoken)
    keys = _keys(rows, walk, f"{spoken}.rows")
    name = name_of(cls)
    return Declaration(
        spoken=spoken,
        name=name,
        about=about_of(cls),
        walk=walk,
        rows=Walk.over(rows, where=spoken),
        keys=keys,
        index=_index(rows, keys, f"{spoken}.rows"),
        writes=_columns(cls.writes, (rows, table), f"{spoken}.writes"),
        reads=tuple(_any_column(one, f"{spoken}.reads") for one in _several(cls.reads)),
        todo=_todo(cls, rows),
        folder=_folder(cls, name),
        data_rules=_rules(cls),
        kept=_kept(cls),
    )


def _several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, (tuple, list)) else (given,)


def _columns(given: Any, tables: tuple[Table, Table], where: str) -> tuple[Column[Any], ...]:
    found = tuple(_any_column(one, where) for one in _several(given))
    for column in found:
        if column.table not in tables:
            raise AuthorsMistake(where, f"{column} is no column of {tables[0].name} or {tables[1].name}")
    if not any(column.table is tables[0] for column in found):
        raise AuthorsMistake(where, f"name the columns of {tables[0].name} that settle.sql sets")
    return found


def _any_column(given: Any, where: str) -> Column[Any]:
    """Of whatever table; as the table has it, without the annotations of a mapped attribute."""
    element = given.__clause_element__() if hasattr(given, "__clause_element__") else given
    table = getattr(element, "table", None)
    if not isinstance(element, Column) or not isinstance(table, Table):
        raise AuthorsMistake(where, f"{given!r} is no column: give a mapped attribute or a sqlalchemy.Column")
    return column_of(element, table.metadata.tables[table.key], where)


def _keys(rows: Table, walk: Walk, where: str) -> tuple[Column[Any], ...]:
    """The foreign key of the rows to the units' primary key, in the order of that."""
    for key in rows.foreign_key_constraints:
        pairs = {element.column: element.parent for element in key.elements if element.column.table is walk.table}
        if set(pairs) == set(walk.identity):
            return tuple(pairs[column] for column in walk.identity)
    what = f"{rows.name} has no foreign key to the primary key of {walk.table.name}, by which a unit's rows are found"
    raise AuthorsMistake(where, what)


def _index(rows: Table, keys: tuple[Column[Any], ...], where: str) -> IndexNeed | None:
    """One of the model's that begins with the key. None: a constraint has it, which cannot go as easily."""
    constraints = [rows.primary_key, *(one for one in rows.constraints if isinstance(one, UniqueConstraint))]
    if any(set(list(one.columns)[: len(keys)]) == set(keys) for one in constraints):
        return None
    for index in rows.indexes:
        columns = [one for one in index.expressions if isinstance(one, Column)]
        if set(columns[: len(keys)]) == set(keys) and len(columns) == len(index.expressions):
            names = tuple(column.name for column in columns)
            return IndexNeed(table=rows.name, schema=rows.schema or PUBLIC, name=str(index.name), columns=names)
    named = ", ".join(column.name for column in keys)
    what = f"{rows.name} has no index that begins with {named}: each batch would read all of it. Declare one"
    raise AuthorsMistake(where, what)


def _todo(cls: type[Groups], rows: Table) -> Any:
    where = f"{cls.__name__}.todo"
    todo = expression_of(cls.todo, where)
    for column in columns_in([todo]):
        if column.table is not rows:
            raise AuthorsMistake(where, f"it reads {column}: it says of a row of {rows.name} whether it is left to do")
    return todo


def _folder(cls: type[Groups], name: str) -> SqlFolder:
    """`sql/<name>` beside the module, where the class does not say another one."""
    folder = cls.sql
    if folder is None:
        package = getattr(sys.modules.get(cls.__module__), "__package__", None)
        if not package:
            what = f'the module {cls.__module__} is in no package: say where the SQL is, SqlFolder("package", "folder")'
            raise AuthorsMistake(f"{cls.__name__}.sql", what)
        folder = SqlFolder(package, f"sql/{name.replace('-', '_')}")
    for file, does in FILES.items():
        try:
            folder.statement(file)
        except (OSError, ModuleNotFoundError):
            what = f"{folder.folder}/{file}.sql is missing in the package {folder.package}: the statement that {does}"
            raise AuthorsMistake(f"{cls.__name__}.sql", what) from None
    return folder


def _rules(cls: type[Groups]) -> tuple[Rule, ...]:
    where = f"{cls.__name__}.checks"
    checks: Any = cls.checks
    if not isinstance(checks, Mapping) or not checks:
        raise AuthorsMistake(where, "give a dictionary: each rule that check.sql names, and its sentence when it holds")
    warnings = [Rule(slug=slug, title=title, is_error=False) for slug, title in cls.warns.items()]
    return (*(Rule(slug=slug, title=title) for slug, title in checks.items()), *warnings)


def _kept(cls: type[Groups]) -> Kept:
    where = f"{cls.__name__}.kept_by"
    given = getattr(cls, "kept_by", None)
    if given is None or given == BY_TRIGGER:
        what = 'no trigger follows from SQL of your own: SyncTrigger(name=..., table=...), "application" or "frozen"'
        raise AuthorsMistake(where, what)
    keeper = keeper_of(given, where)
    return kept_by_own(keeper, where) if isinstance(keeper, tuple) else Kept()
