"""Events as sentences."""

from __future__ import annotations

import json

import pytest

from backfill.runs.telling import sentence_of
from backfill.runs.wording import ended

ENQUEUED = {"state": "queued", "from": "", "action": "enqueue", "who": "cli:ann@host", "note": ""}
PAUSED = {"state": "pausing", "from": "running", "action": "pause", "who": "cli:ann@host", "note": "CHG-1044?"}
TOO_MANY = {"state": "pausing", "from": "running", "action": "pause", "who": "engine", "note": "25 of 30 units failed"}
STARTED = {"state": "running", "from": "queued", "action": "start", "who": "engine", "note": ""}
PACE = {"pace": json.dumps({"parallel": 2, "pause_ms": 20}), "who": "cli:ann@host", "note": "quiet hours"}
OTHER_PACE = {"parallel": 1, "pause_ms": 0, "rows_per_second": 0, "of_tomorrow": 1}
FAILED_OVER = "The database was failed over, from timeline 1 to 2."
LOOKED_AT_AGAIN = "may lack their last commits there, and are looked at again."
BAD = {"unit": "p1", "about": json.dumps({"error": "value is not allowed"})}


@pytest.mark.parametrize(
    ("kind", "about", "sentence"),
    [
        ("state", ENQUEUED, "Queued, asked for by cli:ann@host. It waits for a worker."),
        ("state", PAUSED, "Pausing, asked for by cli:ann@host. Batches in flight are finished first. Note: CHG-1044?"),
        ("state", TOO_MANY, "Pausing. 25 of 30 units failed."),
        ("state", STARTED, "Running. A worker claimed the first slice."),
        (
            "planned",
            {"rows": "1", "units": "20000", "ranges": "16"},
            "Planned. 1 row in 20,000 units, cut into 16 ranges.",
        ),
        (
            "pace",
            PACE,
            "Pace changed by cli:ann@host. 2 ranges at once, 20 ms of rest after a batch. Note: quiet hours.",
        ),
        (
            "pace",
            {"pace": json.dumps(OTHER_PACE), "who": "ann"},
            "Pace changed by ann. 1 range at once, no rest after a batch, any number of rows/s, of tomorrow 1.",
        ),
        ("note", {"action": "pause", "who": "ann", "note": "still needed"}, "A note by ann. still needed."),
        ("quarantined", BAD, "Unit p1 was quarantined. value is not allowed."),
        ("throttled", {"reason": "disk full."}, "Held up, and tried again. disk full."),
        (
            "takeover",
            {"task": "7"},
            "Range 7 was taken over. A worker went silent; another goes on from its last checkpoint.",
        ),
        (
            "failover",
            {"from": "1", "timeline": "2", "ranges": "2", "units": "1", "rows": "1000", "which": "3 4"},
            f"{FAILED_OVER} 2 ranges with 1 unit and 1,000 rows done {LOOKED_AT_AGAIN}",
        ),
        (
            "failover",
            {"from": "1", "timeline": "2", "ranges": "0", "units": "0", "rows": "0", "which": ""},
            f"{FAILED_OVER} What the run has done is all there.",
        ),
        ("of_tomorrow", {"how_many": "2"}, "Of_tomorrow. how many 2."),
    ],
)
def test_an_event_is_a_sentence(kind: str, about: dict[str, str], sentence: str) -> None:
    assert sentence_of(kind, about) == sentence


@pytest.mark.parametrize(("text", "sentence"), [("why", "why."), ("why?", "why?"), ("done. ", "done."), ("", "")])
def test_what_has_an_end_gets_no_second_one(text: str, sentence: str) -> None:
    assert ended(text) == sentence
