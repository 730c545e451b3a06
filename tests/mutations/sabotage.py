"""One rule taken away, and the test that has to notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """In `file`, `old`, which is there once, becomes `new`. `caught_by` is the id of the test that fails then.

    `also` is file, old and new of a second line, where the first alone would be another sabotage.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: str
    also: tuple[str, str, str] | None = None

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        first = (self.file, self.old, self.new)
        return (first, self.also) if self.also else (first,)

    @property
    def is_in_the_migration(self) -> bool:
        return self.file.startswith("alembic/")
