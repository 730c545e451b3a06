"""What a run says of itself when nobody works on it, or nothing moves any more."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from backfill.cli.panel import print_runs
from backfill.cli.words import line, warning
from backfill.runs.attention import Kind, Movement, attention_of
from backfill.runs.progress import Sample
from backfill.runs.record import Run, run_document
from backfill.runs.states import AT_REST, State
from backfill.runs.terms import Terms
from tests.support.sample_runs import MOVEMENT, NOW_MS, PATIENCE_MS, contended_unit, run_of

NOBODY = replace(MOVEMENT, workers=0, leases=0, moved_ms=NOW_MS - 185_000)
STILL = replace(MOVEMENT, moved_ms=NOW_MS - PATIENCE_MS - 1)


def kind_of(run: Run) -> Kind | None:
    attention = attention_of(run)
    return None if attention is None else attention.kind


@pytest.mark.parametrize("state", sorted(set(State) - AT_REST))
def test_a_run_that_nobody_can_work_on_says_so_in_every_state_that_wants_a_worker(state: State) -> None:
    attention = attention_of(run_of(state, movement=NOBODY))

    assert attention is not None
    assert (attention.kind, attention.since_ms) == (Kind.NO_WORKER, NOW_MS - 185_000)


@pytest.mark.parametrize("state", sorted(AT_REST))
def test_a_run_at_rest_wants_no_worker(state: State) -> None:
    assert attention_of(run_of(state, movement=NOBODY)) is None


@pytest.mark.parametrize("movement", [NOBODY, STILL], ids=["no worker", "stalled"])
def test_a_run_that_needs_attention_foretells_no_end(movement: Movement) -> None:
    samples = (Sample(at_ms=NOW_MS - 5_000, rows_done=0), Sample(at_ms=NOW_MS, rows_done=500))
    moving = replace(run_of(State.RUNNING), samples=samples)

    progress = run_document(replace(moving, movement=movement))["progress"]

    assert run_document(moving)["progress"]["rows_per_second"] == 100
    assert (progress["rows_per_second"], progress["eta_seconds"]) == (None, None)
    assert "rows/s" in line(moving)
    assert "rows/s" not in line(replace(moving, movement=movement))


def test_a_worker_that_does_not_serve_the_backfill_says_why() -> None:
    attention = attention_of(run_of(State.QUEUED, movement=replace(NOBODY, refused="the trigger is missing")))

    assert attention is not None
    assert attention.sentence.endswith("One that is alive does not: the trigger is missing.")


def test_a_live_lease_is_a_live_worker() -> None:
    assert attention_of(run_of(State.RUNNING, movement=replace(NOBODY, leases=1, moved_ms=NOW_MS))) is None


def test_a_run_has_stalled_when_nothing_has_moved_for_longer_than_patience() -> None:
    assert kind_of(run_of(State.RUNNING, movement=STILL)) is Kind.STALLED
    assert kind_of(run_of(State.RUNNING, movement=replace(STILL, moved_ms=NOW_MS - PATIENCE_MS))) is None


def test_a_run_that_rests_between_batches_as_it_was_told_to_has_not_stalled() -> None:
    slow = run_of(State.RUNNING, movement=STILL)

    assert kind_of(replace(slow, pace=replace(slow.pace, pause_ms=60_000))) is None
    assert kind_of(replace(slow, movement=replace(STILL, rests_until_ms=NOW_MS + 1_000))) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"throttled_by": "disk full"}, "Held up by: disk full."),
        ({"contended": (contended_unit("p1"),)}, "1 unit is locked by other sessions."),
        ({"contended": (contended_unit("p1"), contended_unit("p2"))}, "2 units are locked by other sessions."),
        ({"throttled_by": "rows_per_second"}, "Look at the workers' logs"),
    ],
)
def test_a_stalled_run_says_what_it_knows_of_why(change: dict[str, object], why: str) -> None:
    attention = attention_of(run_of(State.RUNNING, movement=STILL, **change))

    assert attention is not None
    assert why in attention.sentence


def test_the_document_of_a_run_of_which_nothing_changes_is_the_same_a_moment_later() -> None:
    run = run_of(State.RUNNING, movement=NOBODY)

    assert run_document(run) == run_document(replace(run, seen_ms=NOW_MS + 5_000))
    assert run_document(run)["attention"] == {
        "kind": "no_worker",
        "since": "2026-03-14T09:23:48.589Z",
        "sentence": "No worker that serves generation-versions is alive; nothing has moved since "
        "2026-03-14 09:23:48 UTC. Start one.",
    }


def test_a_line_of_the_command_says_how_long_nothing_has_moved_and_how_to_start_a_worker() -> None:
    run = run_of(State.VERIFYING, movement=NOBODY)

    assert warning(run) == (
        "No worker that serves generation-versions is alive; nothing has moved for 3 min 5 s. "
        "Start one: arq worker.main.WorkerSettings"
    )
    assert line(run).endswith(warning(run))


def test_a_list_of_runs_marks_the_one_that_nobody_works_on() -> None:
    console = Console(width=120, record=True, file=StringIO())

    print_runs(console, [run_of(State.RUNNING, movement=NOBODY), run_of(State.VERIFYING)])

    shown = console.export_text()
    assert "running (no worker)" in shown
    assert "verifying (" not in shown


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (["a:1 (version 1)"], "and the worker that is alive is not: a:1 (version 1)"),
        (
            [f"a:{number} (version 1)" for number in range(5)],
            "and the workers that are alive are not: a:0 (version 1), a:1 (version 1), a:2 (version 1) and 2 more",
        ),
    ],
)
def test_a_run_that_only_workers_of_another_version_are_there_for_names_them(others: list[str], words: str) -> None:
    of_2 = run_of(State.RUNNING, movement=replace(NOBODY, of_other_versions=tuple(others)), terms=Terms(version="2"))

    attention = attention_of(of_2)

    assert attention is not None
    assert attention.kind is Kind.OTHER_VERSION
    assert attention.sentence.startswith(
        f"Run {of_2.id} is of version 2 of {of_2.backfill}, {words}; nothing has moved"
    )
    assert attention.sentence.endswith("Start a worker of version 2, or cancel the run and start anew.")
