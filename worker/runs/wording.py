"""Small change of sentences: numbers with their nouns, and an end to what somebody else has written."""

from __future__ import annotations

_ENDS = (".", "!", "?", "\u2026")


def counted(count: int, noun: str) -> str:
    """`1 unit`, `2 units`, `20,000 units`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def ended(text: str) -> str:
    """With a full stop, unless it has an end already: a server's message may have one, or a question mark."""
    words = text.strip()
    return words if not words or words.endswith(_ENDS) else f"{words}."
