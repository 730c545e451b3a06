"""axe-core over every page, by day and by night, on a desk and on a phone: it finds nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from backfill.http.tokens import Scope, new_token
from tests.browser.conftest import OpenPage
from tests.browser.test_dashboard import expect_state, start, start_slowly
from tests.conftest import Spawn
from tests.http.test_serving import address_of
from tests.support.cli import BACKFILL
from tests.support.old_rows import OldRows

WIDTHS = (1280, 360)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def violations(page: Page, address: str) -> list[str]:
    await page.goto(address)
    return await violations_here(page)


async def violations_here(page: Page) -> list[str]:
    """What axe finds on the page as it is, at each width and in both colour schemes."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            results = await Axe().run(page)
            if results.violations_count:
                found.append(f"{page.url} at {width} px, {scheme}: {results.generate_report()}")
    return found


async def test_the_pages_without_a_run(projects: OldRows, open_page: OpenPage) -> None:
    page = await open_page()

    for path in ("/", "/workers", "/problems/active-run-exists", "/runs/unknown", "/nothing/here"):
        assert await violations(page, path) == []


async def test_a_run_that_waits_rests_and_is_given_up(projects: OldRows, open_page: OpenPage) -> None:
    """There is no worker: it stays where it is put."""
    page = await open_page()
    await start(page)
    await expect_state(page, "queued")
    assert await violations(page, page.url) == []

    await page.get_by_role("button", name="Pause").click()
    await expect_state(page, "paused")
    assert await violations(page, page.url) == []

    await page.get_by_text("Cancel", exact=True).click()
    await page.get_by_role("button", name="Cancel this run").click()
    await expect_state(page, "cancelled")
    assert await violations(page, page.url) == []
    assert await violations(page, "/") == []
    assert await violations(page, "/workers") == []


async def test_a_run_that_works_fails_and_succeeds(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    await projects.connection.execute(
        "ALTER TABLE projects ADD CONSTRAINT only_others CHECK (id <> 'p07' OR latest_version = 0) NOT VALID"
    )
    page = await open_page()
    await start_slowly(page)
    await expect_state(page, "running")
    await expect(page.locator("#chart polyline")).to_have_attribute("points", re.compile(r"\d,\d"))
    assert await violations(page, page.url) == []

    await expect_state(page, "failed")
    assert await violations(page, page.url) == []

    await projects.connection.execute("ALTER TABLE projects DROP CONSTRAINT only_others")
    await page.get_by_role("button", name="Retry").click()
    await expect_state(page, "succeeded")
    assert await violations(page, page.url) == []


async def test_signing_in(projects: OldRows, open_page: OpenPage, spawn: Spawn, environment: Mapping[str, str]) -> None:
    secret, token = new_token("grafana", Scope.READ)
    guarded = await address_of(
        spawn(*BACKFILL, "serve", "--port", "0", env={**environment, "BACKFILL_TOKENS": token.line()})
    )
    page = await open_page()
    assert await violations(page, f"{guarded}/login?next=/") == []

    await page.get_by_label("token").fill("a wrong one")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("This access token is not known.")).to_be_visible()
    assert await violations_here(page) == []

    await page.get_by_label("token").fill(secret)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert await violations(page, f"{guarded}/") == []


async def test_axe_looks(open_page: OpenPage) -> None:
    page = await open_page()
    await page.evaluate("document.querySelector('h1').after(document.createElement('img'))")

    assert len(await violations_here(page)) == len(WIDTHS) * len(SCHEMES)
