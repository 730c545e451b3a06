"""What was read of a database while a run works on it: one signal's value, its limit, or why it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`signal` is the name by which it is switched off, `about` which one of several (a standby, a slot, a table).

    A value above its limit stops the work, or, where `warns` is set, is only told. Without a limit it is shown.
    `eases`: the value falls when the backfill does less, so work is slowed down before the limit is reached.
    `unread` says why there is no value; then it stops as if it were above its limit, unless it `warns` or has none.
    One that grows by `growth` a second is `foretold` for when the next look can take effect; where it grows `steady`,
    a foretold value stops as a measured one does. `at_worst` is what it is by then should it only grow from now on.
    """

    signal: str
    about: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    eases: bool = False
    warns: bool = False
    unread: str = ""
    growth: float = 0.0
    foretold: float | None = None
    steady: bool = False
    at_worst: float | None = None

    @property
    def name(self) -> str:
        return f"{self.signal} {self.about}" if self.about else self.signal

    @property
    def share(self) -> float:
        """Of the limit; 0 without one. A limit of 0 is one that any value above it reaches."""
        return self._share_of_limit(self.value)

    @property
    def pressure(self) -> float:
        """The share of the limit that it has or will have."""
        return max(self.share, self._share_of_limit(self.foretold))

    @property
    def worst_share(self) -> float:
        return self._share_of_limit(self.at_worst)

    def _share_of_limit(self, value: float | None) -> float:
        if value is None or self.limit is None:
            return 0.0
        if self.limit <= 0:
            return 2.0 if value > self.limit else 0.0
        return value / self.limit

    @property
    def too_much(self) -> bool:
        return bool(self.unread) or self.is_above or (self.steady and self._is_above(self.foretold))

    @property
    def is_above(self) -> bool:
        return self._is_above(self.value)

    def _is_above(self, value: float | None) -> bool:
        return value is not None and self.limit is not None and value > self.limit

    @property
    def stops(self) -> bool:
        return self.too_much and not self.warns

    @property
    def sentence(self) -> str:
        """What it is, and what it may be at most."""
        if self.unread:
            return f"{self.name} cannot be read: {self.unread.rstrip('.')}"
        if self.limit is None:
            return f"{self.name}: {in_words(self.value, self.unit)}"
        if self.limit == 0 and not self.unit:
            return self.name
        grew = f", grew by {in_words(self.growth, f'{self.unit} per second')}" if self.growth else ""
        return f"{self.name}: {in_words(self.value, self.unit)}{grew}, at most {in_words(self.limit, self.unit)}"

    def document(self) -> dict[str, Any]:
        """Of what may come, only what is not as by default: whoever reads it may be older and not know it."""
        ahead = {"growth", "foretold", "steady", "at_worst"}
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if name not in ahead or value != default}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Reading:
        """From such a document, of whatever version."""
        return cls(**{field.name: document[field.name] for field in fields(cls) if field.name in document})


def read_nothing(signal: str, why: str, *, warns: bool = False) -> Reading:
    """A signal that could not be read at all."""
    return Reading(signal=signal, unread=why, warns=warns)


def in_words(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    if unit.startswith("bytes"):
        return f"{value / 1024 / 1024:,.1f} MiB{unit.removeprefix('bytes')}"
    if unit == "share":
        return f"{value:.0%}"
    words = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    return f"{words} {unit}".strip()
