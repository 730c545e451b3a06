"""What people write to a run when they ask something of it: why it was paused, which ticket it belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backfill.runs.errors import UsageError

LONGEST_NOTE = 500
# One line: no control characters, no ends of lines, and nothing that turns the direction of the words around it.
PLAIN = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
_PLAIN = re.compile(PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """`action` is what it was written to: enqueue, an operator's action, or set."""

    text: str
    by: str
    at_ms: int
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The last action that somebody, or the engine by pausing it, has asked of a run."""

    action: str
    by: str
    at_ms: int


def checked_note(text: str | None) -> str:
    """Without spaces around it; empty where there is none. Raises UsageError: one line of limited length it must be."""
    note = (text or "").strip()
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"The note has {len(note)} characters.", f"Give at most {LONGEST_NOTE}.")
    if not _PLAIN.fullmatch(note) or any("\ud800" <= sign <= "\udfff" for sign in note):
        raise UsageError("The note has control characters in it.", "Give one line of plain text.")
    return note
