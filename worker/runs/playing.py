"""A run played through on paper: from a sample to a forecast, by the same pace and the same batch size as a run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from worker.runs.forecast import (
    BATCHES_PLAYED,
    CHECKPOINT_MS,
    HANDOVER_SECONDS,
    LEAST_RECORD_BYTES,
    NOTHING,
    PAGE_BYTES,
    Amount,
    BatchCost,
    Estimate,
    Forecast,
    Sample,
    fit,
)
from worker.runs.pace import BatchSize, Pace

# Verification reads what the run has just written: rows are spread over more pages than when the sample was taken.
CHECK_AFTER_WRITING = Estimate(low=0.8, middle=1.2, high=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One of the lanes of a pace: what its batches cost while the others rest, and while all are at work."""

    pace: Pace
    alone: BatchCost
    together: BatchCost
    fill: float
    """Share of the rows asked for that a batch has, as units are not cut."""

    def batch(self, asked: int) -> tuple[float, float]:
        """Rows and milliseconds of a batch. The more the lanes rest, the less they are in each other's way."""
        rows = max(asked * self.fill, 1.0)
        crowded = self.together.ms(rows)
        rest = self.rest_ms(crowded)
        busy = crowded / max(crowded + rest, 1e-9)
        return rows, self.alone.ms(rows) + (crowded - self.alone.ms(rows)) * busy

    def rest_ms(self, batch_ms: float) -> float:
        """Between two batches of a lane, with the checkpoint."""
        del batch_ms
        return self.pace.pause_ms + CHECKPOINT_MS.middle


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """One lane's way through its rows: `ms` at work, `rest_ms` besides, and the batch it came to."""

    ms: float
    rest_ms: float
    batches: float
    size: int
    batch_ms: float


def play(lane: Lane, rows: float) -> _Course:
    """Batch by batch, with the size a run begins with, until it has settled; the rest in batches of that size."""
    size, ms, rest, batches = BatchSize(), 0.0, 0.0, 0.0
    while True:
        asked = min(size.rows, lane.pace.batch_rows)
        wrote, batch_ms = lane.batch(asked)
        share = min(rows / wrote, 1.0) if batches < BATCHES_PLAYED else rows / wrote
        ms, rest = ms + batch_ms * share, rest + lane.rest_ms(batch_ms) * share
        batches, rows = batches + share, rows - wrote * share
        if rows <= 0:
            return _Course(ms=ms, rest_ms=rest, batches=batches, size=asked, batch_ms=batch_ms)
        size = size.after(max(round(wrote), 1), batch_ms, target_ms=lane.pace.target_ms, most_rows=lane.pace.batch_rows)


def lane_of(pace: Pace, sample: Sample) -> Lane | None:
    """None where the sample has no batch that wrote rows."""
    batches = sample.alone + sample.together
    together = fit(sample.together) or fit(sample.alone)
    alone = fit(sample.alone) or together
    if alone is None or together is None:
        return None
    fill = min(fmean(batch.rows / batch.asked for batch in batches if batch.rows), 1.0)
    return Lane(pace=pace, alone=alone, together=together, fill=fill)


def forecast(pace: Pace, amount: Amount, sample: Sample, *, plan_seconds: float) -> Forecast | None:
    """None where there are rows left and the sample says nothing about them."""
    lane = lane_of(pace, sample)
    if lane is None and amount.rows_left:
        return None
    walking = NOTHING + Estimate(low=0.8, middle=1.0, high=1.5).times(
        sample.page_unit_ms * amount.units / pace.parallel / 1000
    )
    course = play(lane, amount.rows_left / pace.parallel) if lane else None
    settling = walking
    if lane is not None and course is not None:
        settling += _settling(lane, course, amount.rows_left)
    return Forecast(
        planning=Estimate(low=0.8, middle=1.0, high=1.5).times(plan_seconds) + HANDOVER_SECONDS,
        settling=settling,
        verifying=_verifying(pace, amount, sample),
        batch_rows=course.size if course else 0,
        batch_ms=course.batch_ms if course else 0.0,
        rows_per_second=amount.rows_left / settling.middle if amount.rows_left else 0.0,
        gain=gain_of_parallel(pace, lane) if lane else None,
        wal_bytes=wal_of(amount, sample),
        growth_bytes=growth_of(amount, sample),
    )


def _settling(lane: Lane, course: _Course, rows_left: int) -> Estimate:
    width = max(lane.together.width, lane.alone.width if lane.pace.parallel == 1 else 1.0)
    busy = course.ms / 1000
    resting = (course.rest_ms - CHECKPOINT_MS.middle * course.batches) / 1000
    took = Estimate(low=busy / width, middle=busy, high=busy * width) + CHECKPOINT_MS.times(course.batches / 1000)
    took += Estimate(low=resting, middle=resting, high=resting)
    return took.at_least(rows_left / lane.pace.rows_per_second) if lane.pace.rows_per_second else took


def _verifying(pace: Pace, amount: Amount, sample: Sample) -> Estimate:
    seconds = (sample.check_unit_ms or 0.0) * amount.units / pace.parallel / 1000
    return CHECK_AFTER_WRITING.times(seconds) + HANDOVER_SECONDS


def gain_of_parallel(pace: Pace, lane: Lane) -> float | None:
    """How much faster all lanes together are than one; None where there is but one."""
    if pace.parallel == 1:
        return None
    rows = float(pace.batch_rows)
    return pace.parallel * lane.alone.ms(rows) / max(lane.together.ms(rows), 1e-9)


def wal_of(amount: Amount, sample: Sample) -> Estimate | None:
    """Low: records alone. High: a page's image as often as in the sample. Middle: an image of each page once."""
    if not sample.wal_rows:
        return None
    share = amount.rows_left / sample.wal_rows
    records = max(sample.wal_bytes - sample.wal_images * PAGE_BYTES, sample.wal_records * LEAST_RECORD_BYTES)
    records = min(records, sample.wal_bytes)
    high = sample.wal_bytes * share
    pages = (amount.table_bytes + amount.index_bytes) / PAGE_BYTES
    image_bytes = (sample.wal_bytes - records) / sample.wal_images if sample.wal_images else 0.0
    middle = records * share + min(sample.wal_images * share, pages) * image_bytes
    return Estimate(low=records * share, middle=middle, high=high)


def growth_of(amount: Amount, sample: Sample) -> Estimate | None:
    """A new version in the page of the old one takes room that is there; any other takes new room, in indexes too."""
    if sample.hot_share is None or not amount.rows:
        return None
    rows = amount.rows_left
    elsewhere = (1 - sample.hot_share) * rows * (amount.table_bytes + amount.index_bytes) / amount.rows
    most = rows * amount.table_bytes / amount.rows + (1 - sample.hot_share) * rows * amount.index_bytes / amount.rows
    return Estimate(low=elsewhere / 2, middle=elsewhere, high=most)
