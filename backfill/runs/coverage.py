"""Whether the ranges of a run tile its key space: no gap, no overlap, from the first key to the last one.

Keys are text here, and only the database can say which of two comes first. It is asked once, at the end: `places` are
what it answered. Without them ranges can still be told to join, each beginning with the very key that the one before it
ends with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backfill.runs.findings import Finding, Rule
from backfill.runs.ranges import Key, RangeState, Span
from backfill.runs.wording import counted

BEFORE_ALL = -1
MOST_TOLD = 20
Places = Mapping[Key, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRecord:
    """A range as the store keeps it. Counts and times (epoch ms) are None where the worker that wrote it kept none."""

    span: Span
    stage: RangeState
    units: int | None = None
    rows: int | None = None
    written: int | None = None
    checked: int | None = None
    began_ms: int | None = None
    settled_ms: int | None = None
    verified_ms: int | None = None

    @property
    def is_counted(self) -> bool:
        return None not in (self.units, self.rows, self.written)


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterSplit:
    """The units above the last range when the run ended. `complete` false: there were more than were looked at."""

    units: int
    complete: bool
    findings: tuple[Finding, ...] = ()

    @property
    def broken(self) -> int:
        return sum(finding.count for finding in self.findings if finding.is_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What only the database could say, asked when the run ended. None: it was not, or could not be.

    `places` orders the keys at which ranges begin and end; `wal_bytes` is what the server wrote since the plan.
    """

    places: Places | None = None
    after: AfterSplit | None = None
    wal_bytes: int | None = None
    rules: tuple[Rule, ...] = ()

    def text(self) -> str:
        places = self.places
        after = self.after
        return json.dumps(
            {
                "places": None if places is None else [[list(key), place] for key, place in places.items()],
                "after": None if after is None else _after_document(after),
                "wal_bytes": self.wal_bytes,
                "rules": [[rule.slug, rule.title, rule.is_error] for rule in self.rules],
            }
        )

    @classmethod
    def of_text(cls, text: str) -> Proof:
        found = json.loads(text)
        places, after = found["places"], found["after"]
        return cls(
            places=None if places is None else {tuple(key): place for key, place in places},
            after=None if after is None else _after_of(after),
            wal_bytes=found["wal_bytes"],
            rules=tuple(Rule(slug=slug, title=title, is_error=is_error) for slug, title, is_error in found["rules"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the store knows of how a run went over its keys. `ranges` is None until it is planned, one of them where its
    record is gone."""

    ranges: tuple[RangeRecord | None, ...] | None = None
    proof: Proof | None = None
    verifying_ms: int | None = None
    wal_at_plan: int | None = field(default=None)


def boundaries(spans: Sequence[Span]) -> tuple[Key, ...]:
    """Every key at which a range begins or ends, once."""
    keys = [key for span in spans for key in (span.start, span.end) if key is not None]
    return tuple(dict.fromkeys(keys))


def breaks_in(spans: Sequence[Span | None], places: Places | None) -> tuple[str, ...]:
    """Why these ranges, in their order, do not tile the keys up to the end of the last one; empty where they do.

    None stands for a range whose record is gone.
    """
    found = tuple(_by_place(spans, places) if places is not None else _by_text(spans))
    return found[:MOST_TOLD]


def _by_place(spans: Sequence[Span | None], places: Places) -> Iterator[str]:
    edge = BEFORE_ALL
    for index, span in enumerate(spans):
        if span is None:
            yield _gone(index)
            continue
        start = BEFORE_ALL if span.start is None else places.get(span.start)
        end = places.get(span.end)
        if start is None or end is None:
            yield f"range {index} begins or ends with a key that the database was not asked about"
            continue
        if end <= start:
            yield f"range {index} ends before it begins"
        if start > edge:
            yield f"there is a gap before range {index}"
        if start < edge:
            yield f"range {index} overlaps with one before it"
        edge = max(edge, end)


def _by_text(spans: Sequence[Span | None]) -> Iterator[str]:
    edge: Key | None = None
    ends: set[Key] = set()
    for index, span in enumerate(spans):
        if span is None:
            yield _gone(index)
            continue
        if span.start != edge:
            before = "at the first key" if edge is None else f"where range {index - 1} ends"
            yield f"range {index} does not begin {before}"
        if span.end in ends:
            yield f"range {index} ends where one before it does"
        ends.add(span.end)
        edge = span.end


def _gone(index: int) -> str:
    return f"the record of range {index} is gone"


def why_not_covered(ranges: Sequence[RangeRecord | None], places: Places | None) -> str | None:
    """As the reason for which a run fails: its ranges are not all there, or do not tile the keys."""
    breaks = breaks_in([one.span if one else None for one in ranges], places)
    if not breaks:
        return None
    more = f" and {counted(len(breaks) - 1, 'more break')}" if len(breaks) > 1 else ""
    return f"its ranges do not cover the keys: {breaks[0]}{more}"


def _after_document(after: AfterSplit) -> dict[str, Any]:
    return {
        "units": after.units,
        "complete": after.complete,
        "findings": [finding.document() for finding in after.findings],
    }


def _after_of(document: dict[str, Any]) -> AfterSplit:
    findings = tuple(Finding.from_document(one) for one in document["findings"])
    return AfterSplit(units=document["units"], complete=document["complete"], findings=findings)
