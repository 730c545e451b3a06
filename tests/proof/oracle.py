"""Whether a database is right, by a journal and a history, and by nothing that the backfill itself believes.

The rules are written down in findings.py. They are checked in Python over plain SELECTs, and nothing here is shared
with the worker's own verification.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from tests.proof.final_state import read_final_state
from tests.proof.findings import Findings
from tests.proof.journal import Journal
from tests.proof.oracle_active import check_active
from tests.proof.oracle_numbers import check_numbers
from tests.proof.oracle_rows import check_rows
from tests.proof.replay import Replay
from tests.proof.traffic import ApplicationError


async def violations(
    database_url: str, journal: Journal, traffic_errors: Sequence[ApplicationError], *, finished: bool = True
) -> list[str]:
    """A sentence per broken rule and example; empty when all is right. Nobody may write meanwhile, and the history must
    be installed. `finished`: a run has succeeded, so that every row must carry its values."""
    connection = await asyncpg.connect(database_url)
    try:
        return await violations_in(connection, journal, traffic_errors, finished=finished)
    finally:
        await connection.close()


async def violations_in(
    connection: asyncpg.Connection[asyncpg.Record],
    journal: Journal,
    traffic_errors: Sequence[ApplicationError],
    *,
    finished: bool = True,
) -> list[str]:
    """The same as the connection sees it, inside a REPEATABLE READ transaction for instance."""
    findings = Findings()
    for error in traffic_errors:
        findings.add("errors", str(error))
    final = await read_final_state(connection)
    check_rows(journal, final.tables, findings)
    replay = Replay(final.history, findings)
    check_numbers(final.tables, replay, findings, finished=finished)
    check_active(final.tables, replay, journal, findings)
    return findings.sentences()
