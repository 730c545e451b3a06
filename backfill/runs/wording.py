"""Small change of sentences: numbers with their nouns, and an end to what somebody else has written."""

from __future__ import annotations

_HISSING = ("s", "x", "ch", "sh")
_ENDS = (".", "!", "?", "\u2026")


def counted(count: int, noun: str) -> str:
    """`1 unit`, `2 units`, `20,000 units`, `3 batches`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith(_HISSING) else 's'}"


def begun(text: str) -> str:
    """With a capital letter at its beginning; the rest is as it is."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """With a full stop, unless it has an end already: a server's message may have one, or a question mark."""
    words = text.strip()
    return words if not words or words.endswith(_ENDS) else f"{words}."
