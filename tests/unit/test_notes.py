"""What may be written to a run."""

from __future__ import annotations

import pytest

from backfill.runs.errors import UsageError
from backfill.runs.notes import LONGEST_NOTE, checked_note


@pytest.mark.parametrize("note", ["until the release is out", "CHG-1044: 明日まで", "x" * LONGEST_NOTE])
def test_a_line_of_plain_text_is_kept_as_it_is(note: str) -> None:
    assert checked_note(f"  {note} ") == note


@pytest.mark.parametrize("note", [None, "", "   "])
def test_no_note_is_an_empty_one(note: str | None) -> None:
    assert checked_note(note) == ""


@pytest.mark.parametrize("note", ["two\nlines", "\x1b[31mred", "a\x00b", "x\u2028y", "\u202eturned", "x" * 501])
def test_control_characters_and_long_notes_are_refused(note: str) -> None:
    with pytest.raises(UsageError, match=r"The note has"):
        checked_note(note)
