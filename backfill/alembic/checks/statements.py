"""The dangers of SQL that a revision executes as text, as far as it is recognised: what is not, is let through.

Comments, literals and the bodies of functions are taken out first, so that only statements are left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import Match, Pattern

from backfill.alembic.checks.dangers import Danger
from backfill.alembic.checks.operations import ALL_WAIT, REWRITES, WRITES_WAIT
from backfill.alembic.directives.rendering import Relation

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_TABLE = rf"(?P<table>{_NAME}(?:\.{_NAME})?)"
_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|(?P<tag>\$\w*\$).*?(?P=tag)|(?P<literal>'(?:[^']|'')*')", re.DOTALL)
_ALTER_TABLE = re.compile(rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_TABLE} (?P<actions>.*)", re.IGNORECASE)
_PART = re.compile(rf"{_NAME}")


def _of(pattern: str) -> Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# Of a whole statement: what it would do, and what to do instead.
_STATEMENTS = (
    (
        _of(rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*? ON (?:ONLY )?{_TABLE}"),
        WRITES_WAIT,
        "op.online_create_index",
    ),
    (
        _of(rf"DROP INDEX (?!CONCURRENTLY)(?:IF EXISTS )?{_TABLE}"),
        "waits for all who use the table, and everybody else waits behind it",
        "op.online_drop_index",
    ),
    (
        _of(rf"REINDEX (?:\(.*?\) )?(?:TABLE|INDEX) (?!CONCURRENTLY){_TABLE}"),
        WRITES_WAIT,
        "REINDEX ... CONCURRENTLY, in an autocommit_block()",
    ),
    (_of(rf"REFRESH MATERIALIZED VIEW (?!CONCURRENTLY){_TABLE}"), ALL_WAIT, "REFRESH MATERIALIZED VIEW CONCURRENTLY"),
    (_of(rf"(?:CLUSTER|VACUUM (?:\()?FULL\)?) {_TABLE}"), REWRITES, "pg_repack, or a time when nobody uses the table"),
    (
        _of(rf"UPDATE (?:ONLY )?{_TABLE} (?!.*\bWHERE\b)"),
        "locks every row of the table until the revision ends, and doubles the table",
        "a backfill, which does it in small transactions",
    ),
    (
        _of(rf"DELETE FROM (?:ONLY )?{_TABLE}(?!.*\bWHERE\b)"),  # noqa: S608 - looks for such, and makes none
        "locks every row of the table until the revision ends",
        "a backfill, or TRUNCATE",
    ),
    (_of(rf"LOCK (?:TABLE )?(?:ONLY )?{_TABLE}"), "holds that lock until the revision ends", "the directives"),
)
# Of one action of ALTER TABLE. True: it depends on whether the server would write the table anew.
_ACTIONS: tuple[tuple[Pattern[str], str, str, bool], ...] = (
    (_of(r"ADD (?:CONSTRAINT \S+ )?FOREIGN KEY(?!.*NOT VALID)"), WRITES_WAIT, "op.online_add_foreign_key", False),
    (_of(r"ADD (?:CONSTRAINT \S+ )?CHECK(?!.*NOT VALID)"), ALL_WAIT, "op.online_add_check", False),
    (_of(r"ADD (?:CONSTRAINT \S+ )?UNIQUE(?! USING INDEX)"), ALL_WAIT, "op.online_add_unique", False),
    (
        _of(r"ADD (?:CONSTRAINT \S+ )?PRIMARY KEY(?! USING INDEX)"),
        ALL_WAIT,
        "op.online_create_index(..., unique=True), then ADD PRIMARY KEY USING INDEX",
        False,
    ),
    (_of(r"ADD (?:CONSTRAINT \S+ )?EXCLUDE"), ALL_WAIT, "a time when nobody uses the table", False),
    (_of(r"ADD (?:COLUMN )?(?!CONSTRAINT\b).*\bREFERENCES\b"), WRITES_WAIT, "op.online_add_foreign_key", False),
    (
        _of(r"ADD (?:COLUMN )?(?!CONSTRAINT\b).*\b(?:DEFAULT|GENERATED|SERIAL)\b"),
        REWRITES,
        "op.online_add_column",
        True,
    ),
    (_of(r"ALTER (?:COLUMN )?\S+ (?:SET DATA )?TYPE"), REWRITES, "op.online_alter_type", True),
    (_of(r"SET (?:LOGGED|UNLOGGED|TABLESPACE)"), REWRITES, "a time when nobody uses the table", False),
)
_NOT_NULL = _of(rf"ALTER (?:COLUMN )?(?P<column>{_NAME}) SET NOT NULL")
_BREAKING = (
    (_of(rf"RENAME (?:COLUMN )?(?!CONSTRAINT\b|TO\b)(?P<name>{_NAME}) TO"), "op.online_rename_column"),
    (_of(r"RENAME TO (?P<name>\S+)"), "a view with the old name in the same revision, dropped later"),
    (_of(rf"DROP (?:COLUMN )?(?:IF EXISTS )?(?!CONSTRAINT\b|EXPRESSION\b)(?P<name>{_NAME})"), "op.online_drop_column"),
)


def dangers_in(sql: str) -> Iterator[Danger]:
    literals: list[str] = []
    for statement in _bare(sql, literals).split(";"):
        words = " ".join(statement.split())
        yield from _of_statement(words)
        if (altering := _ALTER_TABLE.match(words)) is not None:
            relation = _relation(altering)
            for action in _split(altering["actions"]):
                yield from _of_action(relation, action, lambda text: _with_literals(text, literals))


def _of_statement(words: str) -> Iterator[Danger]:
    for pattern, what, instead in _STATEMENTS:
        if (found := pattern.match(words)) is not None:
            yield Danger(relation=_relation(found), what=what, instead=instead)


def _of_action(relation: Relation, action: str, whole: Callable[[str], str]) -> Iterator[Danger]:
    for pattern, what, instead, if_rewritten in _ACTIONS:
        if pattern.match(action) is not None:
            copy = whole(f"ALTER TABLE pg_temp.online_copy {action}") if if_rewritten else None
            yield Danger(relation=relation, what=what, instead=instead, if_rewritten=copy)
            return
    if (found := _NOT_NULL.match(action)) is not None:
        column = _plain(found["column"])
        yield Danger(relation=relation, what=ALL_WAIT, instead="op.online_set_not_null", unless_checked=column)
    for pattern, instead in _BREAKING:
        if (found := pattern.match(action)) is not None:
            what = f"breaks every release that names {found['name']}"
            yield Danger(relation=relation, what=what, instead=instead, breaks=True)
            return


def _bare(sql: str, literals: list[str]) -> str:
    """Literals are kept aside, numbered: a default is needed again."""

    def put_aside(found: Match[str]) -> str:
        if found["literal"] is None:
            return " "
        literals.append(found["literal"])
        return f"'{len(literals) - 1}'"

    return _NOISE.sub(put_aside, sql)


def _with_literals(text: str, literals: list[str]) -> str:
    return re.sub(r"'(\d+)'", lambda found: literals[int(found[1])], text)


def _split(actions: str) -> Iterator[str]:
    """At commas that are in no parentheses."""
    depth, start = 0, 0
    for place, sign in enumerate(actions):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield actions[start:place].strip()
            start = place + 1
    yield actions[start:].strip()


def _relation(found: Match[str]) -> Relation:
    *schema, table = (_plain(part) for part in _PART.findall(found["table"]))
    return Relation(table=table, schema=schema[0] if schema else None)


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
