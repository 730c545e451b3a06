"""`arq tests.support.several_backfills.WorkerSettings`: a worker of those backfills that WORKER_KNOWS names.

They are the shipped one, and another one on the same rows that is ready once there is a table `other_is_ready`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import backfill.wiring
import backfill.worker
from backfill.definitions import Found
from backfill.engine.protocols import Previewable
from backfill.runs.findings import Finding
from backfill.settings import Settings
from tests.support.stepped_backfill import LIMITS
from worker.generations.backfill import GenerationVersions

WORKER_OF_SEVERAL = ("arq", "tests.support.several_backfills.WorkerSettings")
SHIPPED, OTHER = "generation-versions", "other-versions"
NOT_READY = Finding(rule="tables", is_error=True, count=1, examples=("other_is_ready missing",), remedy="Create it.")


class OtherVersions(GenerationVersions):
    name = OTHER

    async def check_schema(self) -> tuple[Finding, ...]:
        async with self.engine.connect() as connection:
            is_there = (await connection.execute(text("SELECT to_regclass('other_is_ready') IS NOT NULL"))).scalar_one()
        return () if is_there else (NOT_READY,)


def _known(found: Found, engines: Mapping[str, AsyncEngine], settings: Settings) -> Mapping[str, Previewable]:
    both = {SHIPPED: GenerationVersions(engines[""], LIMITS), OTHER: OtherVersions(engines[""], LIMITS)}
    return {name: both[name] for name in os.environ["WORKER_KNOWS"].split(",") if name}


def __getattr__(name: str) -> Any:
    if name == "WorkerSettings":
        backfill.wiring._bound = _known
    return getattr(backfill.worker, name)
