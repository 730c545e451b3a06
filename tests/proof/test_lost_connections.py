"""Connections that are lost while COMMIT is under way: nobody knows what became of it, and only of that."""

from __future__ import annotations

from tests.proof.history import install_history
from tests.proof.journal import Journal
from tests.proof.oracle import violations
from tests.proof.snapshot import take_snapshot
from tests.proof.traffic import LiveTraffic, Load
from tests.support.cutting_proxy import cutting_proxy
from tests.support.waiting import wait_until

LOAD = Load(seed=7, connections=4)
CUTS = 12


async def test_the_answer_to_a_commit_that_is_lost_in_an_outage_is_no_violation(database: str) -> None:
    await install_history(database)
    journal = Journal()
    await take_snapshot(database, journal)

    async with cutting_proxy(database, cuts=CUTS, one_in=6) as (url, proxy), LiveTraffic(url, journal, LOAD) as traffic:
        with traffic.outage():
            await wait_until(lambda: proxy.cuts_left == 0, 60)
        before = journal.acknowledged
        await wait_until(lambda: journal.acknowledged > before + 100, 60)

    assert 0 < journal.ledger()["unknown"] <= CUTS
    assert await violations(database, journal, traffic.errors) == []


async def test_a_connection_that_is_lost_otherwise_is_an_error_of_the_application(database: str) -> None:
    await install_history(database)
    journal = Journal()
    await take_snapshot(database, journal)

    async with cutting_proxy(database, cuts=1, one_in=6) as (url, _), LiveTraffic(url, journal, LOAD) as traffic:
        await wait_until(lambda: traffic.errors, 60)

    (found,) = await violations(database, journal, traffic.errors)
    assert found.startswith("errors: ")
    assert "connection was closed" in found
