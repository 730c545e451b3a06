"""Compares what is needed with what is there: a sentence for each thing that does not serve, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from backfill.sql.found import Found, FoundKey
from backfill.sql.needs import ColumnNeed, IndexNeed, KeyNeed, Needs, TriggerNeed
from backfill.sql.tables import PUBLIC, TableName

UNFIT = "Name an ordinary table or one that is divided into partitions: a definition for each table that has the rows."


class Kind(StrEnum):
    COLUMN = "column"
    KEY = "key"
    INDEX = "index"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`mend`: statements that do it in one short lock each; empty where that takes more than a statement, which
    `remedy` then may tell.

    `hides_data`: as long as it lasts, the data cannot be looked at.
    """

    kind: Kind
    about: str
    mend: tuple[str, ...] = ()
    remedy: str = ""
    hides_data: bool = False


def judge(needs: Needs, found: Found) -> tuple[Problem, ...]:
    """In the order of the needs; a table that is not there is one problem and not one per column."""
    unfit = {one.table for one in found.unfit}
    gone = tuple(table for table in needs.tables if table not in found.tables and table not in unfit)
    if unfit:
        return tuple(
            Problem(kind=Kind.COLUMN, about=f"{one.table} is {one.what}", remedy=UNFIT, hides_data=True)
            for one in found.unfit
        )
    return (
        *(Problem(kind=Kind.COLUMN, about=f"table {table} missing", hides_data=True) for table in gone),
        *(one for need in needs.columns if _table(need) not in gone for one in _column(need, found)),
        *(one for key in needs.keys for one in _key(key, found)),
        *(one for index in needs.indexes for one in _index(index, found)),
        *(one for trigger in needs.triggers for one in _trigger(trigger, found)),
    )


def _column(need: ColumnNeed, found: Found) -> Iterator[Problem]:
    here = next((one for one in found.columns if one.is_for(need)), None)
    name = _spoken(need)
    if here is None:
        yield Problem(kind=Kind.COLUMN, about=f"{name} missing", hides_data=need.is_read)
        return
    if not here.has_type_for(need):
        yield Problem(kind=Kind.COLUMN, about=f"{name} is {here.type} instead of {need.type}", hides_data=need.is_read)
    if need.default is not None and not here.has_default(need.default):
        set_default = f"{_altering(need)} ALTER COLUMN {_quoted(need.name)} SET DEFAULT {need.default};"
        instead = f"instead of {need.default}"
        about = (
            f"{name} has the default {here.default} {instead}" if here.default else f"{name} has no default {instead}"
        )
        yield Problem(kind=Kind.COLUMN, about=about, mend=(set_default,))
    if need.not_null and not here.not_null:
        yield Problem(kind=Kind.COLUMN, about=f"{name} may be NULL")


def _key(need: KeyNeed, found: Found) -> Iterator[Problem]:
    """By its columns. Where several keys are on the column, each of them acts when a row is deleted."""
    here = [key for key in found.keys if key.is_of(need)]
    serving = next((key for key in here if key.does_what_is_needed(need)), None)
    others = [key for key in here if key is not serving and not key.does_what_is_needed(need)]
    if serving is None and not others:
        yield Problem(kind=Kind.KEY, about=f"{need.name} missing", mend=_make(need, need.name))
    if serving is not None and not serving.validated:
        validate = f"{_altering(need)} VALIDATE CONSTRAINT {_quoted(serving.name)};"
        yield Problem(kind=Kind.KEY, about=f"{serving.name} not validated", mend=(validate,))
    for key in others:
        mend = _replace(need, key) if serving is None else (f"{_altering(need)} DROP CONSTRAINT {_quoted(key.name)};",)
        yield Problem(kind=Kind.KEY, about=f"{key.name} {_what_it_does(key, need)}", mend=mend)


def _what_it_does(key: FoundKey, need: KeyNeed) -> str:
    if not key.enforced:
        return "is not enforced"
    if (key.to_table, key.to_columns) != (need.to_table, (need.to_column,)):
        leads = f"{key.to_table} ({', '.join(key.to_columns)})"
        return f"references {leads} instead of {need.to_table} ({need.to_column})"
    return f"is ON DELETE {key.on_delete} instead of ON DELETE {need.on_delete}"


def _table(need: ColumnNeed | IndexNeed | KeyNeed | TriggerNeed) -> TableName:
    return TableName(name=need.table, schema=need.schema)


def _spoken(need: ColumnNeed | TriggerNeed) -> str:
    return f"{need.table if need.schema == PUBLIC else _table(need)}.{need.name}"


def _altering(need: ColumnNeed | KeyNeed | TriggerNeed) -> str:
    return f"ALTER TABLE {_quoted(need.schema)}.{_quoted(need.table)}"


def _replace(need: KeyNeed, key: FoundKey) -> tuple[str, ...]:
    """Under its own name, which the application's models may know, and in one statement: no delete falls in between."""
    made, *validated = _make(need, key.name)
    addition = made.removeprefix(_altering(need)).strip()
    return (f"{_altering(need)} DROP CONSTRAINT {_quoted(key.name)}, {addition}", *validated)


def _make(need: KeyNeed, name: str) -> tuple[str, ...]:
    does = f"REFERENCES {_quoted(need.schema)}.{_quoted(need.to_table)} ({need.to_column}) ON DELETE {need.on_delete}"
    return (
        f"{_altering(need)} ADD CONSTRAINT {_quoted(name)} FOREIGN KEY ({need.column}) {does} NOT VALID;",
        f"{_altering(need)} VALIDATE CONSTRAINT {_quoted(name)};",
    )


def _index(need: IndexNeed, found: Found) -> Iterator[Problem]:
    if _table(need) not in found.tables or any(index.serves(need) for index in found.indexes):
        return
    named = next((one for one in found.indexes if (one.schema, one.name) == (need.schema, need.name)), None)
    like = next((index for index in found.indexes if index.is_like(need)), None)
    if named is not None and not named.is_like(need):
        about = f"{need.name} is another index than on {need.table} ({', '.join(need.columns)})"
        rename = f"ALTER INDEX {_quoted(need.schema)}.{_quoted(need.name)} RENAME TO {_quoted(need.name + '_2')};"
        yield Problem(kind=Kind.INDEX, about=about, mend=(rename,))
    else:
        yield Problem(kind=Kind.INDEX, about=f"{like.name} invalid" if like else f"{need.name} missing")


def _trigger(need: TriggerNeed, found: Found) -> Iterator[Problem]:
    here = next((trigger for trigger in found.triggers if trigger.is_for(need)), None)
    name = _spoken(need)
    if here is None:
        if _table(need) in found.tables:
            yield Problem(kind=Kind.TRIGGER, about=f"{name} missing", remedy=need.remedy)
    elif need.function is not None and here.function != need.function:
        yield Problem(kind=Kind.TRIGGER, about=f"{name} calls {here.function} instead of {need.function}")
    elif not here.enabled:
        enable = f"{_altering(need)} ENABLE TRIGGER {_quoted(need.name)};"
        yield Problem(kind=Kind.TRIGGER, about=f"{name} disabled", mend=(enable,))
    elif need.fingerprint is not None and need.fingerprint not in here.body:
        about = f"{name} is of another version of the definition"
        yield Problem(kind=Kind.TRIGGER, about=about, remedy=need.remedy)


def _quoted(name: str) -> str:
    """As an identifier, where it needs quotes."""
    return name if name.isidentifier() and name == name.lower() else '"{}"'.format(name.replace('"', '""'))
