"""Whether a database is right, by a journal and a history, and by nothing that the backfill itself believes.

The rules are written down in findings.py. They are checked in Python over plain SELECTs, and nothing here is shared
with the worker's own verification.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.proof.contents import read_contents
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
    findings = Findings()
    for error in traffic_errors:
        findings.add("errors", str(error))
    contents = await read_contents(database_url)
    check_rows(journal, contents.tables, findings)
    replay = Replay(contents.history, findings)
    check_numbers(contents.tables, replay, findings, finished=finished)
    check_active(contents.tables, replay, journal, findings)
    return findings.sentences()
