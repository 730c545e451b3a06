"""Verification as the last phase of a run: the same ranges again in bounded statements, the schema, a verdict.

Rows without a value that verification finds are put aside in their range and the run is reopened for them,
a few times at most; whatever is left after that is an error and the run fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from backfill.engine.besides import besides
from backfill.engine.guard import guarded
from backfill.engine.lease import Lease
from backfill.engine.protocols import Advance, Backfill, CheckedPage, Claim, Store
from backfill.engine.proving import proof_of
from backfill.engine.settling import Surroundings
from backfill.runs.coverage import why_not_covered
from backfill.runs.failures import BatchFailed, Failure
from backfill.runs.findings import Finding, merge
from backfill.runs.pace import FIRST_ROWS, FIRST_ROWS_ALIKE, BatchSize, Pace
from backfill.runs.ranges import Key, PutAside
from backfill.runs.states import Action
from backfill.runs.wording import counted

# Of units that have rows. More of them at once, and what an index found no longer fits into `work_mem` row by row: then
# the server compares each row of a block with every unit of the page.
MOST_PAGE_UNITS = 4000
MOST_REOPENINGS = 3
# A page locks nothing, so nobody waits for it. Where the pace has no rest, it may take longer than a batch, be of so
# many rows before it is known how long they take, and be so much larger where that ends the range: a page costs
# something for itself.
PAGE_TIMES = 3
FIRST_PAGE_ROWS = 10_000
LAST_PAGE = 1.5
# By itself, without a run and its pace.
ALONE_TARGET_MS = 150


def most_page_units(backfill: Backfill) -> int:
    """A definition whose units are single rows says that more of them fit into a page."""
    said = besides(backfill, "most_checked")
    return MOST_PAGE_UNITS if said is None else said.most_checked


def first_page_size(backfill: Backfill, batch_rows: int = FIRST_ROWS_ALIKE, *, times: int = 1) -> BatchSize:
    """It may take `times` as long as a batch. Where units are single rows, as many of them as a batch has come to: to
    read them takes less than to write them."""
    most = most_page_units(backfill)
    rows = max(batch_rows, FIRST_ROWS_ALIKE) if most > MOST_PAGE_UNITS else FIRST_ROWS
    return BatchSize(rows=min(times * rows, most))


def _first_size_in(backfill: Backfill, claim: Claim, pace: Pace) -> BatchSize:
    """By what settling has found in the range, where nobody is to be left anything."""
    size = first_page_size(backfill, claim.batch_size.rows, times=page_target_ms(pace) // pace.target_ms)
    if pace.rests or claim.totals.rows == 0:
        return size
    units = FIRST_PAGE_ROWS * claim.totals.units // claim.totals.rows
    return BatchSize(rows=min(max(units, size.rows), most_page_units(backfill)))


def next_page_size(backfill: Backfill, size: BatchSize, elapsed_ms: float, *, target_ms: int) -> BatchSize:
    return size.by_rows_alike(elapsed_ms, target_ms=target_ms, most_rows=most_page_units(backfill))


def page_target_ms(pace: Pace) -> int:
    return pace.target_ms if pace.rests else PAGE_TIMES * pace.target_ms


async def check_range(backfill: Backfill, claim: Claim, lease: Lease, around: Surroundings) -> None:
    """From the range's check cursor to its end, a page of units per statement.

    Where the pace rests at all, it rests as long as it reads: whoever reads rows first after they were written marks
    their pages, and with checksums that goes to the WAL. At full speed the application's commits waited for that WAL
    for a fifth of a second.
    """
    if claim.span is None:
        raise ValueError("a claim to check has a range")
    after = claim.cursor or claim.span.start
    size = lease.page_size or _first_size_in(backfill, claim, lease.pace)
    left = claim.totals.units - claim.totals.checked
    while lease.may_go_on and not around.should_end():
        began = around.stopwatch()
        units = size.rows if lease.pace.rests else _with_the_rest(left, size, most_page_units(backfill))
        fits = 0 < left <= units
        page = await _check_rest(backfill, after, claim.span.end, units=units) if fits else None
        if page is None:
            page = await backfill.check_page(after, claim.span.end, units=units)
        left = 0 if fits else left - page.units
        elapsed_ms = (around.stopwatch() - began) * 1000
        await lease.checkpoint(_advance(page, claim.range_index, around.now_ms()))
        if page.last_key is None:
            return
        after = page.last_key
        size = next_page_size(backfill, size, elapsed_ms, target_ms=page_target_ms(lease.pace))
        lease.keep_page_size(size)
        await lease.rest(at_least_ms=elapsed_ms if lease.pace.rests else 0)


def _with_the_rest(left: int, size: BatchSize, most: int) -> int:
    """Units of the next page. A page that is not full ends the range."""
    return left + 1 if size.rows <= left < min(LAST_PAGE * size.rows, most) else size.rows


async def _check_rest(backfill: Backfill, after: Key | None, end: Key, *, units: int) -> CheckedPage | None:
    """What is left of the range, where it is no more than a page as far as is known, and nothing is wrong with it."""
    checking = besides(backfill, "check_rest")
    return None if checking is None else await checking.check_rest(after, end, units=units)


def _advance(page: CheckedPage, range_index: int, now_ms: int) -> Advance:
    sent_back = tuple(
        PutAside(unit_id=unit_id, range_index=range_index, since_ms=now_ms, tries=0, due_ms=0, counted=True)
        for unit_id in page.mendable
    )
    return Advance(
        cursor=page.last_key,
        checked=page.units,
        findings=page.findings,
        put_aside=sent_back,
        stage_done=page.last_key is None,
    )


async def finish(backfill: Backfill, store: Store, claim: Claim, lease: Lease) -> None:
    """The verdict on the whole run: reopened, succeeded or failed."""
    in_schema, in_data = await asyncio.gather(backfill.check_schema(), store.findings(claim))
    findings = merge([*in_schema, *in_data])
    run = await store.get(claim.run_id)
    if run is None:
        return
    if run.contended and await store.reopened(claim) < MOST_REOPENINGS:
        await store.finish(claim, Action.REOPEN, findings, None)
        return
    passage = await store.passage(claim.run_id)
    proof = await proof_of(backfill, passage, lease)
    not_covered = why_not_covered(passage.ranges or (), proof.places)
    error = _why_failed(findings, len(run.quarantined), not_covered)
    await store.finish(claim, Action.FAIL if error else Action.SUCCEED, findings, error, proof)


def _why_failed(findings: Sequence[Finding], quarantined: int, not_covered: str | None) -> str | None:
    errors = [finding for finding in findings if finding.is_error]
    parts = []
    if quarantined:
        parts.append(f"{counted(quarantined, 'unit')} {'is' if quarantined == 1 else 'are'} quarantined")
    if errors:
        parts.append("verification found " + ", ".join(f"{f.rule} ({f.count})" for f in errors))
    return " and ".join([*parts, *([not_covered] if not_covered else [])]) or None


async def check_everything(
    backfill: Backfill, *, stopwatch: Callable[[], float] = time.monotonic
) -> tuple[int, tuple[Finding, ...]]:
    """Verification by itself, without a run: units checked, and findings by rule.

    A schema that is not as it should be is a finding among others; only what hides the data keeps it from being read.
    """
    backfill = guarded(backfill)
    findings = [*await backfill.check_schema()]
    units, size = 0, first_page_size(backfill)
    after = None
    while not any(finding.hides_data for finding in findings):
        began = stopwatch()
        try:
            page = await backfill.check_page(after, None, units=size.rows)
        except BatchFailed as failed:
            findings = _hidden_by_time(findings, failed)
            break
        units += page.units
        findings.extend(page.findings)
        if page.last_key is None:
            break
        after = page.last_key
        size = next_page_size(backfill, size, (stopwatch() - began) * 1000, target_ms=ALONE_TARGET_MS)
    return units, merge(findings)


def _hidden_by_time(findings: Sequence[Finding], failed: BatchFailed) -> list[Finding]:
    """Without an index a page takes as long as the table is large: what is missing is then why it was not read."""
    broken = any(finding.is_error for finding in findings)
    if failed.failure is not Failure.TIMEOUT or not broken:
        raise failed
    return [replace(finding, hides_data=finding.is_error or finding.hides_data) for finding in findings]
