"""The definitions of the example application, filled in while today's release of it writes."""

from __future__ import annotations

import asyncio
import json
import signal

import asyncpg

from tests.support.runs import until_ready
from tests.support.shop import BEFORE, Shop, add_rows, wrong_rows
from tests.support.waiting import wait_until

NAMES = ("email-normalized", "order-totals", "document-hashes", "line-numbers")
WORKER = ("arq", "backfill.worker.WorkerSettings")
TRAFFIC = ("python", "-m", "tests.support.shop_release")
SLOWLY = ("--batch-rows", "20", "--pause-ms", "20")
WRITES = {"sign_up", "change_address", "leave", "order", "buy", "change", "send_back", "move", "revise"}


async def test_all_examples_come_to_their_end_under_live_traffic_and_a_kill_with_no_row_wrong(
    shop: Shop, sql: asyncpg.Connection
) -> None:
    await asyncio.to_thread(shop.done, "alembic", "upgrade", BEFORE)
    await add_rows(sql, customers=600, orders=120, documents=400)
    traffic = shop.spawn(*TRAFFIC)
    await asyncio.to_thread(shop.done, "alembic", "upgrade", "head")
    worker = shop.spawn(*WORKER)
    await until_ready(worker)

    runs = [await asyncio.to_thread(shop.done, "backfill", "enqueue", name, *SLOWLY, "--json") for name in NAMES]
    await wait_until(lambda: some_are_done(sql), 60)
    worker.kill()
    shop.spawn(*WORKER)
    ends = [await asyncio.to_thread(shop.done, "backfill", "wait", json.loads(run)["id"], "--json") for run in runs]
    traffic.kill(signal.SIGTERM)
    assert traffic.wait() == 0, traffic.log
    # What was edited while the run went on is to do again: the trigger has emptied it.
    await asyncio.to_thread(shop.done, "backfill", "enqueue", "document-hashes", "--watch")

    assert [(run["backfill"], run["state"]) for run in map(json.loads, ends)] == [(name, "succeeded") for name in NAMES]
    assert await wrong_rows(sql) == {name: [] for name in NAMES}
    assert json.loads(traffic.log).keys() >= WRITES


async def some_are_done(sql: asyncpg.Connection) -> bool:
    return bool(await sql.fetchval("SELECT count(*) > 50 FROM documents WHERE sha256 IS NOT NULL"))
