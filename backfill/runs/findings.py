"""What verification found: rules with counts and a few examples, never row values other than ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

EXAMPLES_KEPT = 5
# Of a database that takes no writes: not a right that somebody could grant.
READ_ONLY_RULE = "read_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`slug` names it in JSON, `title` is the sentence that is true when nothing was found.

    Rules `on_schema` come first: where one of them is broken, the data may not be readable at all.
    """

    slug: str
    title: str
    is_error: bool = True
    on_schema: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`count` breaches of one rule (unit: what the rule counts) and the ids of a few units that show it.

    `hides_data`: because of it the data could not be looked at, or not all of it.
    """

    rule: str
    is_error: bool
    count: int
    examples: tuple[str, ...] = ()
    remedy: str = ""
    hides_data: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": "error" if self.is_error else "warning",
            "count": self.count,
            "examples": list(self.examples),
            "remedy": self.remedy,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Finding:
        return cls(
            rule=document["rule"],
            is_error=document["severity"] == "error",
            count=document["count"],
            examples=tuple(document["examples"]),
            remedy=document.get("remedy", ""),
        )


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding per rule: counts added, the first few examples kept, in order of first appearance."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        before = merged.get(finding.rule)
        if before is None:
            merged[finding.rule] = finding
            continue
        merged[finding.rule] = Finding(
            rule=finding.rule,
            is_error=finding.is_error,
            count=before.count + finding.count,
            examples=(before.examples + finding.examples)[:EXAMPLES_KEPT],
            remedy=before.remedy or finding.remedy,
            hides_data=before.hides_data or finding.hides_data,
        )
    return tuple(merged.values())
