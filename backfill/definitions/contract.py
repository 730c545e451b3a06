"""The last step of a change, as data: what may be tightened and taken away once the release that reads the new columns
runs everywhere. `backfill contract` makes a revision of it."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.sql.needs import IndexNeed
from backfill.sql.tables import PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnOf:
    """`unless` says, for NOT NULL, who could still write NULL: the line is then written, but commented out."""

    table: str
    name: str
    schema: str = PUBLIC
    unless: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """In this order, after the data has been asked: `indexes` are built (unique ones hold from then on), `not_null` is
    set, the trigger functions of the definition's needs are dropped with their triggers, then `drop_indexes`, and
    `drop_columns` last.

    `keep_triggers_while` says who still needs them: they stay then, and their lines are commented out.

    `when` says how to know that it is time. `made_again_by` is the revision that makes triggers and indexes again on
    the way back; without one, it is that of the needs.
    """

    when: str
    indexes: tuple[IndexNeed, ...] = ()
    not_null: tuple[ColumnOf, ...] = ()
    keep_triggers_while: str = ""
    drop_indexes: tuple[IndexNeed, ...] = ()
    drop_columns: tuple[ColumnOf, ...] = ()
    made_again_by: str | None = None
