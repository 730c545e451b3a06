"""Whether a default is the same for every row, as far as its text says; a server, where there is one, knows better."""

from __future__ import annotations

import re

_VALUE = r"-?\d+(?:\.\d+)?|'(?:[^']|'')*'|true|false|null"
_LITERAL = re.compile(rf"({_VALUE})(?:::[\w \[\]().,\"]+)?", re.IGNORECASE)
# Fixed when the transaction begins.
_STABLE = re.compile(
    r"(?:now\(\)|transaction_timestamp\(\)|current_(?:timestamp|date|user)|localtimestamp)", re.IGNORECASE
)


def surely_the_same_for_all(default: str) -> bool:
    """False also where it is just not known."""
    words = default.strip()
    while words.startswith("(") and words.endswith(")") and words.count("(") == words.count(")") == 1:
        words = words[1:-1].strip()
    return bool(_LITERAL.fullmatch(words) or _STABLE.fullmatch(words))


def of_another_type(default: str) -> str | None:
    """The same literal without a type, for a column of another one; None where it is no literal."""
    found = _LITERAL.fullmatch(default.strip())
    if found is None or found[1].lower() == "null":
        return found and found[1]
    return found[1] if found[1].startswith("'") else f"'{found[1]}'"
