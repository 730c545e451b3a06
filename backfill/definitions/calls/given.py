"""What a function gave for a row, against what its definition writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backfill.definitions.calls.answers import THE_FUNCTION, Answer, Raised
from backfill.definitions.calls.spec import Spec


def values_of(answer: Answer, spec: Spec) -> tuple[Any, ...] | Raised | None:
    """One for each column, in their order; None: the row stays as it is, where it may. What does not fit is the row's
    fault, told without what was given."""
    if isinstance(answer, Raised):
        return answer
    given = answer.value
    if given is None:
        return Raised(f"{THE_FUNCTION} gave nothing, so that the row is still to do") if spec.ends_todo else None
    if not spec.writes:
        return Raised(f"{THE_FUNCTION} gave something, but the definition writes no column")
    columns = ", ".join(spec.writes)
    if not isinstance(given, Mapping):
        return Raised(f"{THE_FUNCTION} gave a {type(given).__name__} instead of a dict with {columns}")
    named = {getattr(name, "key", name): value for name, value in given.items()}
    if named.keys() != spec.writes.keys():
        return Raised(f"{THE_FUNCTION} gave other columns than those that the definition writes: {columns}")
    return tuple(named[name] for name in spec.writes)


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whatever the values are: those that cannot be compared are not the same."""
    try:
        return all(bool(left is right or left == right) for left, right in zip(one, other, strict=True))
    except Exception:  # noqa: BLE001 - an author's type may raise anything
        return False
