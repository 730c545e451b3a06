"""What the application was told is committed, column by column: the truth that the database is held against at the end.

A row is exactly as it was written last. Where the answer to COMMIT was lost, nobody knows: then a column may hold
what was there before or what was written, and a row may be there or not, but one transaction is in whole or not at
all. Which of two acknowledged writes was the last one is told by the server's clock while it held the row's lock,
not by the order in which the answers came.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

# Long values are kept as digests: a journal of hours fits into memory.
LONG_COLUMNS = {
    "users": {"bio", "preferences"},
    "organizations": {"description", "settings"},
    "organization_members": {"permissions"},
    "projects": {"description", "constraints", "settings"},
    "generations": {
        "prompt",
        "context",
        "extracted_schema",
        "output_files",
        "review_feedback",
        "documentation",
        "error_message",
        "diff_from_previous",
        "changes_summary",
    },
    "artifacts": {"file_metadata"},
}
TABLES = tuple(LONG_COLUMNS)
_BEFORE_EVERYTHING = datetime.min.replace(tzinfo=UTC)

Values = Mapping[str, object]


class Anything:
    """A value that only the server knew, in an answer that was lost."""

    def __repr__(self) -> str:
        return "anything"

    def __deepcopy__(self, memo: object) -> Anything:
        return self


ANYTHING = Anything()


class Outcome(Enum):
    COMMITTED = "committed"
    UNKNOWN = "unknown"


class Change(Enum):
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(slots=True, kw_only=True)
class Write:
    """One row in one statement; `stamp` is the server's clock under the row's lock, None until it has answered."""

    change: Change
    table: str
    id: str
    values: dict[str, object]
    stamp: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Transaction:
    """What the application did in one transaction that has not ended yet."""

    kind: str
    writes: list[Write] = field(default_factory=list)
    activations: list[tuple[str, str]] = field(default_factory=list)

    def write(self, change: Change, table: str, row_id: str, values: Values) -> Write:
        written = Write(change=change, table=table, id=row_id, values=shortened(table, values))
        self.writes.append(written)
        return written


@dataclass(slots=True, kw_only=True)
class Row:
    """`values` with the time each was written; `doubts` are writes that may have happened."""

    values: dict[str, tuple[datetime, object]] = field(default_factory=dict)
    doubts: list[Write] = field(default_factory=list)
    is_there: bool = False
    was_deleted: bool = False

    @property
    def may_be_missing(self) -> bool:
        return not self.is_there or any(doubt.change is Change.DELETE for doubt in self.doubts)

    @property
    def may_be_there(self) -> bool:
        return self.is_there or any(doubt.change is Change.INSERT for doubt in self.doubts)

    def columns(self) -> set[str]:
        return set(self.values).union(*(doubt.values for doubt in self.doubts))

    def allowed(self, column: str) -> list[object]:
        """The values that the column may have."""
        since, value = self.values.get(column, (_BEFORE_EVERYTHING, ANYTHING))
        allowed = [value] if column in self.values else []
        allowed += [
            doubt.values[column]
            for doubt in self.doubts
            if column in doubt.values and (doubt.stamp is None or doubt.stamp >= since)
        ]
        return allowed


class Journal:
    """In memory, of one application on one database."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {table: {} for table in TABLES}
        self._acknowledged: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self.doubtful: list[Transaction] = []
        self.activations: list[tuple[str, str]] = []
        self.has_snapshot = False

    def found(self, table: str, row_id: str, values: Values) -> None:
        """A row that was there before the application started; its long values are digests already."""
        self._rows[table][row_id] = Row(
            values={column: (_BEFORE_EVERYTHING, value) for column, value in values.items()}, is_there=True
        )

    def committed(self, transaction: Transaction) -> None:
        self._acknowledged[transaction.kind] += 1
        self.activations += transaction.activations
        for write in transaction.writes:
            row = self._rows[write.table].setdefault(write.id, Row())
            stamp = write.stamp or _BEFORE_EVERYTHING
            for column, value in write.values.items():
                if column not in row.values or row.values[column][0] <= stamp:
                    row.values[column] = (stamp, value)
            if write.change is Change.INSERT:
                row.is_there = True
            elif write.change is Change.DELETE:
                row.is_there, row.was_deleted = False, True

    def unknown(self, transaction: Transaction) -> None:
        """The connection was lost during COMMIT, or during the one statement that commits by itself."""
        self._unknown[transaction.kind] += 1
        self.doubtful.append(transaction)
        for write in transaction.writes:
            self._rows[write.table].setdefault(write.id, Row()).doubts.append(write)

    def count(self, what: str) -> None:
        """Something that writes nothing and is worth a line: a rollback on purpose, a retry."""
        self._counts[what] += 1

    @property
    def acknowledged(self) -> int:
        """Transactions of all kinds."""
        return self._acknowledged.total()

    def rows(self, table: str) -> Iterator[tuple[str, Row]]:
        yield from self._rows[table].items()

    def row(self, table: str, row_id: str) -> Row | None:
        return self._rows[table].get(row_id)

    def acknowledged_by_kind(self) -> dict[str, int]:
        """Transactions by kind."""
        return dict(sorted(self._acknowledged.items()))

    def ledger(self) -> dict[str, int]:
        """Acknowledged transactions by kind, then the rest under names of their own."""
        unknown = {f"unknown: {kind}": count for kind, count in sorted(self._unknown.items())}
        return {
            **dict(sorted(self._acknowledged.items())),
            **dict(sorted(self._counts.items())),
            **unknown,
            "unknown": self._unknown.total(),
        }


def shortened(table: str, values: Values) -> dict[str, object]:
    long = LONG_COLUMNS[table]
    return {
        column: digest(value) if column in long and isinstance(value, str) else value
        for column, value in values.items()
    }


def digest(text: str) -> str:
    """The same as the server's md5()."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
