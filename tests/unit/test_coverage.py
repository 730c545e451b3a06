"""Whether ranges tile the keys, held against a count of how often each key is covered."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from backfill.runs.coverage import AfterSplit, Proof, breaks_in, why_not_covered
from backfill.runs.findings import Finding, Rule
from backfill.runs.ranges import Key, RangeState, Span
from tests.support.coverage import record_of

KEYS = 8


def key(number: int) -> Key:
    """Texts that come in another order than the keys do."""
    return (f"{number * 7 % KEYS}", str(number))


PLACES = {key(number): number for number in range(KEYS)}
starts = st.none() | st.integers(0, KEYS - 1)
any_spans = st.lists(st.tuples(starts, st.integers(0, KEYS - 1)), min_size=1, max_size=5)


@st.composite
def tilings(draw: st.DrawFn) -> list[Span]:
    ends = sorted(draw(st.sets(st.integers(0, KEYS - 1), min_size=2)))
    return spans_of(list(zip([None, *ends], ends, strict=False)))


def spans_of(bounds: list[tuple[int | None, int]]) -> list[Span]:
    return [Span(start=None if start is None else key(start), end=key(end)) for start, end in bounds]


def times_covered(number: int, bounds: list[tuple[int | None, int]]) -> int:
    return sum((-1 if start is None else start) < number <= end for start, end in bounds)


@given(any_spans)
def test_ranges_have_no_break_exactly_where_each_key_is_covered_once_and_in_order(
    bounds: list[tuple[int | None, int]],
) -> None:
    last = max(end for _, end in bounds)
    once = all(times_covered(number, bounds) == 1 for number in range(last + 1))
    in_order = all(-1 if start is None else start < end for start, end in bounds) and bounds == sorted(
        bounds, key=lambda one: -1 if one[0] is None else one[0]
    )

    assert (breaks_in(spans_of(bounds), PLACES) == ()) == (once and in_order)


@given(tilings(), st.data())
def test_a_range_that_is_dropped_or_gone_or_begins_elsewhere_is_a_break_with_and_without_places(
    spans: list[Span], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(spans) - 2))  # without the last one they tile fewer keys, and no fewer twice
    elsewhere = data.draw(st.sampled_from([None, *PLACES]).filter(lambda one: one != spans[index].start))
    moved = Span(start=elsewhere, end=spans[index].end)

    for places in (PLACES, None):
        assert breaks_in(spans, places) == ()
        assert breaks_in([*spans[:index], *spans[index + 1 :]], places)
        assert breaks_in([*spans[:index], None, *spans[index + 1 :]], places)
        assert breaks_in([*spans[:index], moved, *spans[index + 1 :]], places)
        assert breaks_in([*spans[: index + 1], *spans[index:]], places)


@given(tilings())
def test_a_chain_that_turns_back_is_found_only_by_the_order_of_the_database(spans: list[Span]) -> None:
    backwards = [Span(start=one.start, end=one.end) for one in spans[:-1]]
    first, last = spans[0].end, spans[-1].end
    turned = [Span(start=None, end=last), Span(start=last, end=first)]

    assert breaks_in(turned, None) == ()
    assert breaks_in(turned, PLACES) == ("range 1 ends before it begins",)
    assert breaks_in(backwards, PLACES) == ()


def test_the_reason_names_the_first_break_and_counts_the_rest() -> None:
    ranges = [record_of(None, "1"), None, record_of("3", "5"), record_of("4", "6")]

    assert why_not_covered(ranges[:1], None) is None
    assert why_not_covered(ranges, {(text,): int(text) for text in "13456"}) == (
        "its ranges do not cover the keys: the record of range 1 is gone and 2 more breaks"
    )


def test_what_was_proved_comes_back_from_its_text() -> None:
    finding = Finding(rule="unassigned", is_error=True, count=3, examples=("a",))
    proof = Proof(
        places=PLACES,
        after=AfterSplit(units=12, complete=True, findings=(finding,)),
        wal_bytes=1 << 40,
        rules=(Rule(slug="unassigned", title="Every row has a value"),),
    )

    assert Proof.of_text(proof.text()) == proof
    assert Proof.of_text(Proof().text()) == Proof()
    assert len(json.dumps(proof.text())) < 1_000
    assert record_of(None, "1").stage is RangeState.VERIFIED
