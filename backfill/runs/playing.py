"""A run played through on paper: from a sample to a forecast, by the same pace and the same batch size as a run."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from backfill.runs.forecast import (
    BATCHES_PLAYED,
    CHECKPOINT_TRIPS,
    HANDOVER_SECONDS,
    LASTING,
    LEAST_TRIP_MS,
    NOTHING,
    PAGE_BYTES,
    Amount,
    BatchCost,
    Estimate,
    Forecast,
    Sample,
    fit,
)
from backfill.runs.pace import BatchSize, Pace

# Verification reads what the run has just written: rows are spread over more pages than when the sample was taken.
CHECK_AFTER_WRITING = Estimate(low=0.8, middle=1.4, high=2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One of the lanes of a pace: what its batches cost while the others rest, and while all are at work."""

    pace: Pace
    alone: BatchCost
    together: BatchCost
    fill: float
    checkpoint_ms: float

    def batch(self, asked: int, number: int) -> tuple[float, float]:
        """Rows and milliseconds of a batch, as far from the mean as one of the sample was.

        Units are not cut, so it has only a share of the rows that it may have. The more the lanes rest, the less they
        are in each other's way.
        """
        rows = max(asked * self.fill, 1.0)
        crowded = self.together.ms(rows)
        busy = crowded / max(crowded + self.rest_ms, 1e-9)
        ms = self.alone.ms(rows) + (crowded - self.alone.ms(rows)) * busy
        return rows, max(ms + self.together.off(number), ms / 2)

    @property
    def rest_ms(self) -> float:
        """Between two batches of a lane, with the checkpoint."""
        return self.pace.pause_ms + self.checkpoint_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """One lane's way through its rows: `ms` at work, `rest_ms` besides, and the batches that it came to, on average."""

    ms: float = 0.0
    rest_ms: float = 0.0
    batches: float = 0.0
    rows: float = 0.0

    def plus(self, other: _Course, share: float = 1.0) -> _Course:
        return _Course(
            ms=self.ms + other.ms * share,
            rest_ms=self.rest_ms + other.rest_ms * share,
            batches=self.batches + other.batches * share,
            rows=self.rows + other.rows * share,
        )


def play(lane: Lane, rows: float) -> _Course:
    """Batch by batch, from the size that a run begins with; a long run goes on as the second half of these went."""
    size, whole, later = BatchSize(), _Course(), _Course()
    for number in range(BATCHES_PLAYED):
        wrote, batch_ms = lane.batch(min(size.rows, lane.pace.batch_rows), number)
        one = _Course(ms=batch_ms, rest_ms=lane.rest_ms, batches=1.0, rows=wrote)
        share = min((rows - whole.rows) / wrote, 1.0)
        whole = whole.plus(one, share)
        if share < 1.0:
            return whole
        if number >= BATCHES_PLAYED // 2:
            later = later.plus(one)
        size = size.after(max(round(wrote), 1), batch_ms, target_ms=lane.pace.target_ms, most_rows=lane.pace.batch_rows)
    return whole.plus(later, (rows - whole.rows) / later.rows)


def lane_of(pace: Pace, sample: Sample) -> Lane | None:
    """None where the sample has no batch that wrote rows."""
    batches = sample.alone + sample.together
    together = fit(sample.together) or fit(sample.alone)
    alone = fit(sample.alone) or together
    if pace.parallel == 1:  # nobody is in its way
        together = alone
    if alone is None or together is None:
        return None
    fill = min(fmean(batch.rows / batch.asked for batch in batches if batch.rows), 1.0)
    checkpoint_ms = CHECKPOINT_TRIPS.middle * max(sample.trip_ms, LEAST_TRIP_MS)
    return Lane(pace=pace, alone=alone, together=together, fill=fill, checkpoint_ms=checkpoint_ms)


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
        batch_rows=round(course.rows / course.batches) if course and course.batches else 0,
        batch_ms=course.ms / course.batches if course and course.batches else 0.0,
        rows_per_second=amount.rows_left / settling.middle if amount.rows_left else 0.0,
        gain=gain_of_parallel(pace, lane) if lane else None,
        wal_bytes=wal_of(amount, sample),
        growth_bytes=growth_of(amount, sample),
    )


def _settling(lane: Lane, course: _Course, rows_left: int) -> Estimate:
    width = max(lane.together.width, lane.alone.width if lane.pace.parallel == 1 else 1.0)
    busy = course.ms / 1000
    trips = lane.checkpoint_ms / CHECKPOINT_TRIPS.middle * course.batches / 1000
    resting = course.rest_ms / 1000 - trips * CHECKPOINT_TRIPS.middle
    took = Estimate(low=LASTING.low / width, middle=LASTING.middle, high=LASTING.high * width).times(busy)
    took += CHECKPOINT_TRIPS.times(trips)
    took += Estimate(low=resting, middle=resting, high=resting)
    return took.at_least(rows_left / lane.pace.rows_per_second) if lane.pace.rows_per_second else took


def _verifying(pace: Pace, amount: Amount, sample: Sample) -> Estimate:
    """A lane rests after each page for as long as it has read it, or longer where the pace says so, or not at all."""
    if not sample.check_page_units or sample.check_unit_ms is None:
        return HANDOVER_SECONDS
    pages = amount.units / sample.check_page_units / pace.parallel
    page_ms = sample.check_unit_ms * sample.check_page_units
    rest = pages * max(pace.pause_ms - page_ms, 0) / 1000
    reading = CHECK_AFTER_WRITING.times(pages * (2 if pace.rests else 1) * page_ms / 1000)
    trips = CHECKPOINT_TRIPS.times(pages * max(sample.trip_ms, LEAST_TRIP_MS) / 1000)
    return reading + trips + Estimate(low=rest, middle=rest, high=rest) + HANDOVER_SECONDS


def gain_of_parallel(pace: Pace, lane: Lane) -> float | None:
    """How much faster all lanes together are than one; None where there is but one."""
    if pace.parallel == 1:
        return None
    rows = float(pace.batch_rows)
    return min(pace.parallel * lane.alone.ms(rows) / max(lane.together.ms(rows), 1e-9), pace.parallel)


def moved_share(amount: Amount, sample: Sample) -> float:
    """Of the rows, those whose new version goes to another page.

    A full page has no room for the new versions of the rows that one batch writes in it. Once these are elsewhere,
    what they leave is room for the rows that later batches write there. The sample, rolled back, sees only the first.
    """
    elsewhere = 1 - (sample.hot_share or 0.0)
    if not amount.hot_possible or not sample.pages or not amount.table_bytes:
        return elsewhere
    rows_of_a_page = amount.rows * PAGE_BYTES / amount.table_bytes
    rows_of_a_batch = sample.wal_rows / sample.pages
    return elsewhere * min(rows_of_a_batch / max(rows_of_a_page, 1.0), 1.0)


def wal_of(amount: Amount, sample: Sample) -> Estimate | None:
    """The records of every row, and an image of each page; another one after a checkpoint makes it more.

    Low: rows that stay in their page need less, and indexes no image.
    """
    if not sample.wal_rows:
        return None
    share = amount.rows_left / sample.wal_rows
    records = sample.wal_again_bytes * share
    images = sample.wal_images * share
    image_bytes = (sample.wal_bytes - sample.wal_again_bytes) / max(sample.wal_images, 1)
    table, index = amount.table_bytes / PAGE_BYTES, amount.index_bytes / PAGE_BYTES
    return Estimate(
        low=records * moved_share(amount, sample) + min(images, table) * image_bytes,
        middle=records + min(images, table + index) * image_bytes,
        high=records + min(images, 3 * (table + index)) * image_bytes,
    )


def growth_of(amount: Amount, sample: Sample) -> Estimate | None:
    """A version that moved takes new room, in the indexes too.

    Low: as many move as the sample's small batches say. High: none finds room, as when an old snapshot is held.
    """
    if sample.hot_share is None or not amount.rows:
        return None
    everything = amount.rows_left * (amount.table_bytes + amount.index_bytes) / amount.rows
    low, high = moved_share(amount, sample) * everything, (1 - sample.hot_share) * everything
    return Estimate(low=low, middle=(low + high) / 2, high=high)
