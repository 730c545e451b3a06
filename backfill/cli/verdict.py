"""What a verification says about every rule, also about those that it found nothing against.

A schema that is not there keeps a verification from reading the data. Rules that were not looked at are said to be
unchecked: silence about a rule must never read as its being kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backfill.runs.findings import Finding, Rule
from backfill.runs.wording import counted

EXAMPLES_SHOWN = 3


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One rule's: `count` breaches and the ids of a few units that show it; `names_all`: every one of them."""

    rule: str
    title: str
    status: Status
    count: int = 0
    examples: tuple[str, ...] = ()
    remedy: str = ""
    names_all: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "title": self.title,
            "status": self.status.value,
            "count": self.count,
            "examples": list(self.examples),
            "remedy": self.remedy,
        }

    def line(self) -> str:
        words = f"{self.status.upper():<9}  {self.title}"
        if not self.count:
            return words
        if self.names_all:
            return f"{words}: {counted(self.count, 'breach')}: {', '.join(self.examples)}. {self.remedy}".rstrip()
        examples = f", for instance {', '.join(self.examples[:EXAMPLES_SHOWN])}" if self.examples else ""
        return f"{words}: {counted(self.count, 'breach')}{examples}. {self.remedy}".rstrip()


def outcomes(rules: Sequence[Rule], findings: Sequence[Finding]) -> tuple[Outcome, ...]:
    """One outcome per rule, in the order of `rules`."""
    by_rule = {finding.rule: finding for finding in findings}
    stopped_early = any(finding.hides_data for finding in findings)
    return tuple(_outcome(rule, by_rule.get(rule.slug), stopped_early) for rule in rules)


def _outcome(rule: Rule, finding: Finding | None, stopped_early: bool) -> Outcome:
    if finding is None:
        return Outcome(
            rule=rule.slug,
            title=rule.title,
            status=Status.UNCHECKED if stopped_early and not rule.on_schema else Status.OK,
        )
    return Outcome(
        rule=rule.slug,
        title=rule.title,
        status=Status.ERROR if finding.is_error else Status.WARNING,
        count=finding.count,
        examples=finding.examples,
        remedy=finding.remedy,
        names_all=rule.on_schema,
    )
