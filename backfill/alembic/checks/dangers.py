"""A danger: what an operation would do to a table in use, and what to do instead."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.alembic.directives.rendering import Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """`what` goes on after "This"; `instead` is a directive or a way.

    `breaks`: a release that runs would fail whatever the size of the table; only one without rows is no trouble.
    `if_rewritten` is a statement on the empty copy (pg_temp.online_copy): without a rewrite there it is no danger.
    `unless_checked` is a column: a validated check says already that it is not NULL.
    """

    relation: Relation
    what: str
    instead: str
    breaks: bool = False
    if_rewritten: str | None = None
    unless_checked: str | None = None
