"""Whether a database is right, by a journal and a history, and by nothing that the backfill itself believes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.proof.journal import Journal
from tests.proof.traffic import ApplicationError


async def violations(
    database_url: str, journal: Journal, traffic_errors: Sequence[ApplicationError], *, finished: bool = True
) -> list[str]:
    """A sentence per broken rule and example; empty when all is right. `finished`: a run has succeeded, so that every
    row must carry its values."""
    return [f"errors: {error}" for error in traffic_errors]
