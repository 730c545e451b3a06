"""What the application did and what went wrong with it, to be added up over its processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

KEPT = 50


@dataclass(slots=True)
class Account:
    """`failed`: reads that raised or found nothing; `wrong`: reads with other bytes than were written. Each has a
    sentence. `no_room` are writes that a full disk refused, which the application put right by itself."""

    reads: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)
    no_room: int = 0
    failed_count: int = 0
    wrong_count: int = 0
    error_count: int = 0
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note_failed(self, sentence: str) -> None:
        self.failed_count += 1
        self.failed = [*self.failed, sentence][:KEPT]

    def note_wrong(self, sentence: str) -> None:
        self.wrong_count += 1
        self.wrong = [*self.wrong, sentence][:KEPT]

    def note_error(self, sentence: str) -> None:
        self.error_count += 1
        self.errors = [*self.errors, sentence][:KEPT]

    @property
    def is_clean(self) -> bool:
        return not (self.failed_count or self.wrong_count or self.error_count)

    def document(self) -> dict[str, Any]:
        return {
            "reads": dict(sorted(self.reads.items())),
            "writes": dict(sorted(self.writes.items())),
            "no_room": self.no_room,
            "failed_count": self.failed_count,
            "wrong_count": self.wrong_count,
            "error_count": self.error_count,
            "failed": self.failed,
            "wrong": self.wrong,
            "errors": self.errors,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            reads=Counter(document["reads"]),
            writes=Counter(document["writes"]),
            no_room=document["no_room"],
            failed_count=document["failed_count"],
            wrong_count=document["wrong_count"],
            error_count=document["error_count"],
            failed=document["failed"],
            wrong=document["wrong"],
            errors=document["errors"],
        )

    @classmethod
    def sum(cls, accounts: Iterable[Account]) -> Self:
        total = cls()
        for one in accounts:
            total.reads += one.reads
            total.writes += one.writes
            total.no_room += one.no_room
            total.failed_count += one.failed_count
            total.wrong_count += one.wrong_count
            total.error_count += one.error_count
            total.failed += one.failed
            total.wrong += one.wrong
            total.errors += one.errors
        return total
