"""What each directive runs, what it locks and for how long: for people, and for the page that is made of it."""

from __future__ import annotations

from dataclasses import dataclass

MOMENT = "a moment"
EXCLUSIVE = "ACCESS EXCLUSIVE"
SHARED = "SHARE UPDATE EXCLUSIVE, which lets reads and writes pass"
AS_LONG = "as long as it takes to read the table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    runs: str
    locks: str
    lasts: str = MOMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """`back` is what a downgrade calls."""

    directive: str
    steps: tuple[Step, ...]
    back: str


def _step(runs: str, locks: str, lasts: str = MOMENT) -> Step:
    return Step(runs=runs, locks=locks, lasts=lasts)


_FILL = _step("updates a few blocks at a time", "rows, in passing over what is locked", "milliseconds per transaction")
_NOT_NULL = (
    _step("ADD CHECK (column IS NOT NULL) NOT VALID", EXCLUSIVE),
    _step("VALIDATE CONSTRAINT", SHARED, AS_LONG),
    _step("SET NOT NULL, which believes the check", EXCLUSIVE),
    _step("DROP CONSTRAINT", EXCLUSIVE),
)
_CONCURRENTLY = _step("CREATE INDEX CONCURRENTLY", SHARED, "twice as long as it takes to read the table")
_TRIGGER = _step("CREATE FUNCTION, CREATE TRIGGER", "SHARE ROW EXCLUSIVE, which lets reads pass")
_ADD = _step("ADD COLUMN, without a default", EXCLUSIVE)

DIRECTIVES = (
    Described(
        directive="online_add_column",
        steps=(_step("ADD COLUMN, with a default that is the same for all rows", EXCLUSIVE),),
        back="online_drop_column",
    ),
    Described(
        directive="online_add_column, volatile default",
        steps=(_ADD, _step("SET DEFAULT", EXCLUSIVE), _FILL, *_NOT_NULL),
        back="online_drop_column",
    ),
    Described(
        directive="online_drop_column",
        steps=(_step("DROP COLUMN", EXCLUSIVE),),
        back="online_add_column; the values are lost",
    ),
    Described(directive="online_set_not_null", steps=_NOT_NULL, back="online_drop_not_null"),
    Described(directive="online_drop_not_null", steps=(_step("DROP NOT NULL", EXCLUSIVE),), back="online_set_not_null"),
    Described(directive="online_create_index", steps=(_CONCURRENTLY,), back="online_drop_index"),
    Described(
        directive="online_drop_index",
        steps=(_step("DROP INDEX CONCURRENTLY", SHARED, "until transactions that use it have ended"),),
        back="online_create_index",
    ),
    Described(
        directive="online_add_foreign_key",
        steps=(
            _step("ADD FOREIGN KEY NOT VALID", "SHARE ROW EXCLUSIVE: the table that refers, then the other one"),
            _step("VALIDATE CONSTRAINT", f"{SHARED}; ROW SHARE on the other table", AS_LONG),
        ),
        back="online_drop_constraint",
    ),
    Described(
        directive="online_add_check",
        steps=(_step("ADD CHECK NOT VALID", EXCLUSIVE), _step("VALIDATE CONSTRAINT", SHARED, AS_LONG)),
        back="online_drop_constraint",
    ),
    Described(
        directive="online_add_unique",
        steps=(_CONCURRENTLY, _step("ADD UNIQUE USING INDEX", EXCLUSIVE)),
        back="online_drop_constraint",
    ),
    Described(
        directive="online_drop_constraint",
        steps=(_step("DROP CONSTRAINT", f"{EXCLUSIVE}, of a key on both tables"),),
        back="the one that adds it",
    ),
    Described(
        directive="online_rename_column",
        steps=(_ADD, _TRIGGER, _FILL, *_NOT_NULL),
        back="online_finish_rename_column, names exchanged",
    ),
    Described(
        directive="online_finish_rename_column",
        steps=(_step("DROP TRIGGER, SET DEFAULT, DROP COLUMN in one transaction", EXCLUSIVE),),
        back="online_rename_column, names exchanged",
    ),
    Described(
        directive="online_alter_type",
        steps=(
            _ADD,
            _TRIGGER,
            _FILL,
            *_NOT_NULL,
            _step("CREATE INDEX CONCURRENTLY, for each index of the column", SHARED, _CONCURRENTLY.lasts),
            _step("DROP TRIGGER, RENAME COLUMN twice, keys and indexes, in one transaction", EXCLUSIVE),
            _step("DROP COLUMN, the old one", EXCLUSIVE),
        ),
        back="online_alter_type, to the type of before",
    ),
    Described(directive="create_sync_trigger", steps=(_TRIGGER,), back="drop_sync_trigger"),
    Described(
        directive="drop_sync_trigger", steps=(_step("DROP FUNCTION CASCADE", EXCLUSIVE),), back="create_sync_trigger"
    ),
    Described(
        directive="online_drop_trigger_function",
        steps=(_step("DROP FUNCTION CASCADE", EXCLUSIVE),),
        back="redo_revision",
    ),
)
