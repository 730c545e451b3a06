"""The stage that every case has: an empty database, migrated, with one user in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backfill.urls import ServerUrls
from tests.support.databases import new_database
from tests.support.interleaved_cases import Stage, open_stage


@pytest.fixture(scope="session")
async def stage_database(servers: ServerUrls, template_head: str) -> AsyncIterator[str]:
    """One for all cases: they are many and short."""
    async with new_database(servers.database_url, template=template_head) as url:
        yield url


@pytest.fixture
async def stage(stage_database: str) -> AsyncIterator[Stage]:
    async with open_stage(stage_database) as opened:
        yield opened
