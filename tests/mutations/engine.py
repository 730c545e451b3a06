"""Sabotages of the loop and of what it tells the store: what counts as done, and what is never forgotten."""

from __future__ import annotations

from tests.mutations.sabotage import Sabotage

_INTERLEAVINGS = "tests/interleavings"
_INTEGRATION = "tests/integration"

SABOTAGES_OF_THE_ENGINE = (
    Sabotage(
        name="contended units are forgotten",
        file="backfill/engine/settling.py",
        old="later = outcome.contended | outcome.too_slow",
        new="later = outcome.too_slow",
        caught_by=f"{_INTEGRATION}/test_slices.py::test_a_locked_project_is_not_counted_and_is_settled_in_a_later_turn",
    ),
    Sabotage(
        name="the cursor moves before the transaction commits",
        file="backfill/engine/settling.py",
        old="outcome = await self._settle(batch)\n",
        new="await self._lease.checkpoint(await self._advance(batch, Outcome()));"
        " outcome = await self._settle(batch)\n",
        caught_by=f"{_INTEGRATION}/test_slices.py::test_a_transaction_that_does_not_commit_moves_nothing",
    ),
    Sabotage(
        name="what is held back of short batches is forgotten when a range is let go",
        file="backfill/engine/joining.py",
        old="        if self._held is not None:\n",
        new="        if False:\n",
        caught_by=f"{_INTEGRATION}/test_joining.py::test_what_is_done_before_a_batch_that_fails_is_told",
    ),
    Sabotage(
        name="a unit that is put aside is held back, and the next short batch takes its place",
        file="backfill/engine/joining.py",
        old="aside = advance.put_aside or",
        new="aside =",
        caught_by=f"{_INTEGRATION}/test_joining.py::test_a_unit_that_is_put_aside_is_told_with_the_batches_before_it",
    ),
    Sabotage(
        name="who has committed on the primary of before a failover is heard after it",
        file="backfill/store/lua/note_standing.lua",
        old="redis.call('HDEL', leases_key, index)",
        new="",
        caught_by=f"{_INTEGRATION}/test_failover_marks.py"
        "::test_who_has_committed_on_the_primary_of_before_and_not_told_yet_is_not_heard",
    ),
    Sabotage(
        name="a batch without work is taken for the end",
        file="backfill/engine/settling.py",
        old="if batch is None:",
        new="if batch is None or not batch.to_settle:",
        caught_by=f"{_INTEGRATION}/test_slices.py::test_a_batch_without_work_is_not_the_end",
    ),
    Sabotage(
        name="a unit that cannot be written counts as done",
        file="backfill/engine/attempts.py",
        old="outcome.failed[unit_ids[0]] = failed",
        new="pass",
        caught_by=f"{_INTEGRATION}/test_slices.py"
        "::test_a_project_that_cannot_be_written_fails_the_run_and_not_its_neighbours",
    ),
    Sabotage(
        name="a quarantined unit is lost",
        file="backfill/store/lua/checkpoint.lua",
        old="redis.call('HSET', quarantined_key, unit, value)",
        new="",
        caught_by=f"{_INTEGRATION}/test_slices.py"
        "::test_a_project_that_cannot_be_written_fails_the_run_and_not_its_neighbours",
    ),
    Sabotage(
        name="a checkpoint does not ask for the lease",
        file="backfill/store/lua/checkpoint.lua",
        old="if not holds(index, token) then return {0, state() or '', pace, 0, '', '1', '0', ''} end",
        new="",
        caught_by=f"{_INTERLEAVINGS}/test_zombie_worker.py::test_what_it_commits_stands_and_what_it_reports_is_refused",
    ),
    Sabotage(
        name="what was left of a batch is passed by the cursor",
        file="backfill/engine/settling.py",
        old="if outcome.left:",
        new="if False:",
        caught_by=f"{_INTEGRATION}/test_author_mistakes.py"
        "::test_units_that_there_was_no_time_for_come_next_also_those_that_are_put_aside",
    ),
)
