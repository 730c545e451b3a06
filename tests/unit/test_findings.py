"""Findings of many statements become one per rule."""

from __future__ import annotations

from backfill.runs.findings import EXAMPLES_KEPT, Finding, merge


def finding(rule: str, count: int, *examples: str) -> Finding:
    return Finding(rule=rule, is_error=True, count=count, examples=examples)


def test_counts_of_a_rule_are_added_and_rules_keep_their_order() -> None:
    merged = merge([finding("gaps", 2, "a"), finding("unassigned", 1, "b"), finding("gaps", 3, "c")])

    assert [(f.rule, f.count, f.examples) for f in merged] == [("gaps", 5, ("a", "c")), ("unassigned", 1, ("b",))]


def test_only_a_few_examples_are_kept() -> None:
    merged = merge([finding("gaps", 1, str(number)) for number in range(100)])

    assert len(merged[0].examples) == EXAMPLES_KEPT


def test_a_finding_survives_its_document() -> None:
    original = Finding(rule="columns", is_error=True, count=1, examples=("generations.version missing",), remedy="Run.")

    assert Finding.from_document(original.document()) == original
