"""A Chromium over the real thing: `backfill serve`, a worker, and rows of this test's own."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.conftest import Spawn
from tests.support.cli import BACKFILL
from tests.support.commands import Spawned
from tests.support.old_rows import OldRows, old_rows
from tests.support.runs import WORKER, until_ready
from tests.support.waiting import wait_until

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 15_000
PROJECTS = 40
ROWS_EACH = 10

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is on the PATH; on Debian: apt-get install chromium")
    async with async_playwright() as playwright:
        # Chromium's own sandbox needs rights that root in a container does not have.
        opened = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
async def projects(database: str) -> AsyncIterator[OldRows]:
    """Forty projects of ten generations."""
    async with old_rows(database) as rows:
        for number in range(PROJECTS):
            await rows.add_project(f"p{number:02}", minute=number)
            await rows.add_many(f"p{number:02}", ROWS_EACH)
        yield rows


@pytest.fixture
def serving(spawn: Spawn, environment: Mapping[str, str]) -> Spawned:
    return spawn(*BACKFILL, "serve", "--port", "0", env=environment)


@pytest.fixture
async def address(serving: Spawned) -> str:
    """Where the service listens."""
    return await wait_until(lambda: "".join(re.findall(r"^listening on (http://\S+)$", serving.log, re.MULTILINE)))


@pytest.fixture
async def worker(spawn: Spawn, environment: Mapping[str, str]) -> None:
    """A worker that leaves each range often, so that a run is seen to move."""
    await until_ready(spawn(*WORKER, env={**environment, "BACKFILL_SLICE_SECONDS": "1"}))


@pytest.fixture
async def open_page(browser: Browser, address: str) -> AsyncIterator[OpenPage]:
    """`open_page("/", width=360)`: a browser that has never been here. Whatever it complains about fails the test."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # An answer with another status, or none at all, is no fault of the page.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    contexts = []

    async def open_at(path: str = "/", *, width: int = 1280, **options: Any) -> Page:
        context = await browser.new_context(base_url=address, viewport={"width": width, "height": 800}, **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield open_at
    for context in contexts:
        await context.close()
    assert complaints == []
