"""What a benchmark is to reach, and whether it does. Told and not enforced: a busy machine fails no build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A value of one run that is to be at least or at most something; with neither it is told for comparison alone."""

    what: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool | None:
        if self.least is None and self.most is None:
            return None
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    @property
    def wanted(self) -> str:
        if self.least is not None:
            return f"at least {self.least:g}"
        return f"at most {self.most:g}" if self.most is not None else ""

    def document(self) -> dict[str, Any]:
        return {"what": self.what, "value": round(self.value, 3), "wanted": self.wanted, "met": self.met}


def show_goals(console: Console, goals: Sequence[Goal]) -> None:
    for goal in goals:
        if goal.met is None:
            console.print(f"{goal.what}: {goal.value:.2f}")
            continue
        verdict = ("holds", "green") if goal.met else ("does not hold", "red")
        console.print(Text.assemble(verdict, f": {goal.what}: {goal.value:.2f}, {goal.wanted}"))
