"""Makes the pictures in docs: runs that go on, failed, rest, and have no worker, on a desk by day and a phone by night.

`make pictures` writes them into docs. They are no tests and are not run with them; without PICTURES they go to a
temporary folder.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Page, expect

from backfill.sql.database import open_engine
from backfill.urls import ServerUrls
from tests.browser.conftest import OpenPage
from tests.browser.test_dashboard import expect_state, rows_done
from tests.conftest import Spawn
from tests.support.commands import Spawned
from tests.support.databases import migrate, new_database
from tests.support.runs import WORKER, until_ready
from tests.support.waiting import wait_until
from worker.demo.old_data import OldDataShape, create_old_data

SHAPE = OldDataShape(projects=8_000, generations=80_000)
REFUSED = {"projects_budget_check": (300, 312), "projects_owner_check": (5_000, 5_003)}
DESK, PHONE = 1280, 390
PATIENCE_SECONDS = 120.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.environ.get("PICTURES") or tmp_path)


@pytest.fixture(scope="session")
async def old_template(servers: ServerUrls, template_e011: str) -> AsyncIterator[str]:
    async with new_database(servers.database_url, template=template_e011) as url:
        engine = open_engine(url, application_name="pictures", command_timeout_seconds=None)
        await create_old_data(engine, SHAPE)
        await engine.dispose()
        migrate(url, "head")
        yield url


@pytest.fixture
async def database(servers: ServerUrls, old_template: str) -> AsyncIterator[str]:
    async with new_database(servers.database_url, template=old_template) as url:
        yield url


@pytest.fixture
async def worker(spawn: Spawn, environment: Mapping[str, str]) -> Spawned:
    started = spawn(*WORKER, env={**environment, "BACKFILL_SLICE_SECONDS": "1"})
    await until_ready(started)
    return started


async def started(open_page: OpenPage, **pace: str) -> Page:
    """The page of a new run."""
    page = await open_page()
    await page.get_by_text("Pace and note", exact=True).click()
    for label, value in pace.items():
        await page.locator(f"#start-1-{label}").fill(value)
    await page.get_by_role("button", name="Start a run").click()
    return page


async def until_share(page: Page, share: float) -> None:
    async def is_there() -> bool:
        return await rows_done(page) > SHAPE.generations * share

    await wait_until(is_there, PATIENCE_SECONDS)


async def both(open_page: OpenPage, address: str, folder: Path, name: str) -> None:
    """The page on a desk by day, and on a phone by night."""
    desk = await open_page(address, width=DESK, color_scheme="light")
    await desk.screenshot(path=folder / f"{name}.png")
    phone = await open_page(address, width=PHONE, color_scheme="dark")
    await phone.screenshot(path=folder / f"{name}-phone.png")


async def test_a_run_that_goes_on(worker: Spawned, open_page: OpenPage, folder: Path) -> None:
    page = await started(open_page, parallel="4", batch_rows="2000", rows_per_second="8000")
    await until_share(page, 0.6)
    desk = await open_page(page.url, width=1100)
    await desk.screenshot(path=folder / "dashboard.png")
    phone = await open_page(page.url, width=PHONE, color_scheme="dark")
    await phone.screenshot(path=folder / "dashboard-dark.png", full_page=True)


async def test_a_run_that_failed(database: str, worker: Spawned, open_page: OpenPage, folder: Path) -> None:
    connection = await asyncpg.connect(database)
    names = [row["id"] for row in await connection.fetch("SELECT id FROM projects ORDER BY created_at, id")]
    for constraint, (first, end) in REFUSED.items():
        refused = ", ".join(f"'{name}'" for name in names[first:end])
        await connection.execute(
            f"ALTER TABLE projects ADD CONSTRAINT {constraint}"
            f" CHECK (id NOT IN ({refused}) OR latest_version = 0) NOT VALID"
        )
    await connection.close()
    page = await started(open_page, parallel="4", pause_ms="0")
    await expect(page.locator("#state .state")).to_have_text("failed", timeout=PATIENCE_SECONDS * 1000)

    await both(open_page, page.url, folder, "dashboard-failed")


async def test_a_run_that_rests(worker: Spawned, open_page: OpenPage, folder: Path) -> None:
    page = await started(open_page, rows_per_second="8000")
    await until_share(page, 0.4)
    await page.get_by_text("Add a note").click()
    await page.locator("#act-note").fill("CHG-1044: until the release is out")
    await page.get_by_role("button", name="Pause").click()
    await expect_state(page, "paused")

    await both(open_page, page.url, folder, "dashboard-paused")


async def test_a_run_without_a_worker(worker: Spawned, open_page: OpenPage, folder: Path) -> None:
    page = await started(open_page, rows_per_second="8000")
    await until_share(page, 0.5)
    worker.kill(signal.SIGTERM)
    await expect(page.locator("#attention")).to_contain_text("No worker", timeout=30_000)

    await both(open_page, page.url, folder, "dashboard-no-worker")
