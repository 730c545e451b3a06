"""What of a preview is a warning, and what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backfill.runs.cautions import cautions
from backfill.runs.forecast import Amount, Sample
from backfill.runs.preview import Replica, Server, Slot, Snapshot, Survey, TableSize, not_visible

SERVER = Server(
    version="18.0",
    role="worker",
    sees_all=True,
    settings={},
    archiving_fails=False,
    replicas=(Replica(name="standby", state="streaming", sync_state="async", lag_bytes=1_000),),
    slots=(Slot(name="standby", kind="physical", active=True, wal_status="reserved", kept_bytes=1_000),),
    snapshots=(Snapshot(what="session 1", seconds=1.0, transactions=10),),
)
TABLE = TableSize(
    table="generations",
    table_bytes=10**8,
    toast_bytes=0,
    index_bytes=10**7,
    believed_rows=100_000,
    dead_rows=0,
    changed_rows=5_000,
)


def survey(server: Server = SERVER, table: TableSize = TABLE) -> Survey:
    return Survey(
        amount=Amount(units=1, rows=1, units_left=1, rows_left=1, is_estimate=False),
        tables=(table,),
        triggers=(),
        invalid_indexes=(),
        hindering_indexes=(),
        server=server,
    )


def slugs(seen: Survey, sample: Sample | None = None) -> set[str]:
    return {caution.slug for caution in cautions(seen, (), (), sample)}


def test_a_sound_server_has_none() -> None:
    assert slugs(survey(), Sample(updates=100, hot_updates=10)) == set()


@pytest.mark.parametrize(
    ("server", "slug"),
    [
        (replace(SERVER, archiving_fails=True), "archiving_fails"),
        (replace(SERVER, slots=(replace(SERVER.slots[0], active=False),)), "inactive_slot"),
        (replace(SERVER, slots=(replace(SERVER.slots[0], wal_status="lost"),)), "lost_slot"),
        (replace(SERVER, replicas=(Replica(name="r", state="", sync_state="", lag_bytes=10**9),)), "replica_behind"),
        (replace(SERVER, snapshots=(Snapshot(what="s", seconds=3_600.0, transactions=1),)), "old_snapshot"),
        (replace(SERVER, snapshots=(Snapshot(what="s", seconds=None, transactions=10**7),)), "old_snapshot"),
        (replace(SERVER, sees_all=False, replicas=None), "not_visible"),
    ],
)
def test_what_makes_a_run_dangerous_is_told(server: Server, slug: str) -> None:
    assert slugs(survey(server)) == {slug}


def test_what_cannot_be_seen_is_not_taken_for_nothing() -> None:
    blind = replace(SERVER, sees_all=False, replicas=None)

    assert not_visible(blind) == ("replicas", "transactions of other roles")
    assert not_visible(SERVER) == ()


def test_statistics_are_stale_when_a_fifth_has_changed() -> None:
    assert slugs(survey(table=replace(TABLE, changed_rows=20_001))) == {"stale_statistics"}
    assert slugs(survey(table=replace(TABLE, believed_rows=None))) == {"stale_statistics"}


def test_batches_that_were_refused_locked_or_too_slow_are_told() -> None:
    sample = Sample(refused=("no (23514)",), contended=1, too_slow=1)

    assert slugs(survey(), sample) == {"refused", "contended", "too_slow"}
