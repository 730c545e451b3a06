"""The dashboard as a person meets it: with a mouse, with a keyboard, on a phone, in the dark, without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, PROJECTS, ROWS_EACH, OpenPage
from tests.conftest import Spawn
from tests.support.cli import BACKFILL
from tests.support.commands import Spawned
from tests.support.old_rows import OldRows
from tests.support.runs import WORKER, until_ready
from tests.support.waiting import wait_until

SLOWLY = {"Rows per batch, at most": "10", "Rest after a batch, ms": "150", "Ranges at once": "1"}
LEAST_CONTRAST = 4.5

CONTRAST = """element => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
    let behind = element;
    while (behind.parentElement && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) {
        behind = behind.parentElement;
    }
    const [one, other] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
        .map((colour) => luminance(parse(colour)));
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


async def start(page: Page) -> None:
    """Ends on the page of the new run, to which a click by itself only sets out."""
    await page.get_by_role("button", name="Start a run").click()
    await expect(state_of(page)).to_be_visible(timeout=PATIENCE_MS)


async def start_slowly(page: Page) -> None:
    await page.get_by_text("Pace and note", exact=True).click()
    for label, value in SLOWLY.items():
        await page.get_by_label(label).fill(value)
    await start(page)


def state_of(page: Page) -> Locator:
    return page.locator("#state .state")


async def expect_state(page: Page, state: str) -> None:
    await expect(state_of(page)).to_have_text(state, timeout=60_000)


async def rows_done(page: Page) -> int:
    return int((await page.locator("[data-value=rows_done]").inner_text()).replace(",", ""))


async def is_as_wide_as_its_window(page: Page) -> bool:
    width: int = await page.evaluate("document.documentElement.scrollWidth")
    return page.viewport_size is not None and width <= page.viewport_size["width"]


async def test_a_run_is_started_by_a_click_and_watched_to_its_end(
    projects: OldRows, worker: None, open_page: OpenPage
) -> None:
    page = await open_page()
    await start_slowly(page)
    await page.evaluate("window.isTheSamePage = true")

    seen: set[int] = set()

    async def has_moved() -> bool:
        seen.add(await rows_done(page))
        return len(seen) >= 4

    await wait_until(has_moved, deadline_seconds=30)
    await expect(page.locator("#chart polyline")).to_have_attribute("points", re.compile(r"\d,\d"))
    await expect_state(page, "succeeded")
    await expect(page.locator("#verification")).to_contain_text("Passed.")
    await expect(page.locator("#bar")).to_have_js_property("value", 1)
    assert await rows_done(page) == PROJECTS * ROWS_EACH
    assert await page.title() == "100\u2009% succeeded · generation-versions · Backfill"
    assert await page.get_by_role("button").all_inner_texts() == ["Start a new run"]
    assert await page.evaluate("window.isTheSamePage")


async def test_pausing_and_resuming_is_a_click_each(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    page = await open_page()
    await start_slowly(page)
    await expect_state(page, "running")

    await page.get_by_role("button", name="Pause").click()
    await expect_state(page, "paused")
    await page.get_by_role("button", name="Resume").click()

    await expect_state(page, "running")
    await expect(page.locator("#events")).to_contain_text("Pausing, asked for by http.")


async def test_what_others_do_is_seen_without_a_reload(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    page = await open_page()
    await start_slowly(page)
    somebody = await open_page(page.url)

    await somebody.get_by_role("button", name="Pause").click()
    await expect_state(page, "paused")
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    await somebody.get_by_role("button", name="Resume").click()

    await expect_state(page, "running")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()


async def test_a_lost_connection_is_told_and_found_again(
    projects: OldRows, open_page: OpenPage, serving: Spawned, spawn: Spawn, environment: Mapping[str, str]
) -> None:
    page = await open_page()
    await start(page)
    told = page.get_by_text("Connection lost.")
    await expect(told).to_be_hidden()

    serving.end()
    await expect(told).to_be_visible(timeout=PATIENCE_MS)
    port = page.url.split(":")[2].split("/")[0]
    spawn(*BACKFILL, "serve", "--port", port, env=environment)

    await expect(told).to_be_hidden(timeout=90_000)
    await until_ready(spawn(*WORKER, env=environment))
    await expect_state(page, "succeeded")


async def test_the_pace_can_be_changed_while_it_goes(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    page = await open_page()
    await start_slowly(page)

    await page.get_by_label("Rest after a batch, ms").fill("0")
    await page.get_by_role("button", name="Change the pace").click()

    await expect_state(page, "succeeded")
    await expect(page.locator("#events")).to_contain_text("no rest after a batch")


async def test_a_failed_run_names_what_the_database_refuses(
    projects: OldRows, worker: None, open_page: OpenPage
) -> None:
    await projects.connection.execute(
        "ALTER TABLE projects ADD CONSTRAINT only_others CHECK (id <> 'p07' OR latest_version = 0) NOT VALID"
    )
    page = await open_page()
    await start(page)

    await expect_state(page, "failed")
    await expect(page.locator("#troubles details")).to_contain_text("only_others")
    await expect(page.locator("#troubles code")).to_have_text("p07")
    await projects.connection.execute("ALTER TABLE projects DROP CONSTRAINT only_others")
    await page.get_by_role("button", name="Retry").click()

    await expect_state(page, "succeeded")


async def test_everything_works_without_scripts(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    page = await open_page(java_script_enabled=False)
    await start_slowly(page)

    async def shows(state: str) -> bool:
        await page.reload()
        return await state_of(page).inner_text() == state

    async def press(name: str) -> None:
        """Through to the page that the form leads to: a reload on the way there would be refused."""
        async with page.expect_navigation():
            await page.get_by_role("button", name=name).click()

    await wait_until(lambda: shows("running"), deadline_seconds=30)
    await press("Pause")
    await wait_until(lambda: shows("paused"), deadline_seconds=30)
    await expect(page.get_by_role("progressbar", name="Rows done")).to_be_visible()
    await page.get_by_text("Cancel", exact=True).click()
    await press("Cancel this run")

    await wait_until(lambda: shows("cancelled"), deadline_seconds=30)
    assert await page.get_by_role("button").all_inner_texts() == ["Start a new run"]


async def test_a_keyboard_is_enough(projects: OldRows, worker: None, open_page: OpenPage) -> None:
    page = await open_page()

    async def press_on(name: str) -> None:
        """Enter, on what Tab leads to; each stop on the way shows where it is."""
        for _ in range(40):
            await page.keyboard.press("Tab")
            focused = page.locator(":focus")
            assert await focused.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            if (await focused.inner_text()).strip() == name:
                await page.keyboard.press("Enter")
                return
        raise AssertionError(f"no Tab leads to {name!r}")

    await press_on("Skip to the content")
    await press_on("Start a run")
    await expect(state_of(page)).to_be_visible(timeout=PATIENCE_MS)
    run_address = page.url
    await page.goto("/")
    await press_on(run_address.rpartition("/")[2])
    await expect_state(page, "succeeded")


async def test_cancelling_asks_first_and_the_keyboard_keeps_its_place(projects: OldRows, open_page: OpenPage) -> None:
    page = await open_page()
    await start(page)
    somebody = await open_page(page.url)
    await page.get_by_role("button", name="Pause").focus()

    await somebody.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_focused()
    await expect(page.get_by_role("button", name="Cancel this run")).to_be_hidden()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect_state(page, "cancelled")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
async def test_it_fits_and_can_be_read(
    projects: OldRows, worker: None, open_page: OpenPage, width: int, colour_scheme: str
) -> None:
    """On a phone and on a desk, by day and by night."""
    await projects.connection.execute(
        "ALTER TABLE projects ADD CONSTRAINT "
        f"{'a_constraint_with_quite_a_long_name_' * 2} CHECK (id <> 'p07' OR latest_version = 0) NOT VALID"
    )
    page = await open_page(width=width, color_scheme=colour_scheme)
    await start(page)
    await expect_state(page, "failed")
    run_address = page.url

    for address in ("/", "/workers", run_address, "/problems/active-run-exists", "/runs/unknown"):
        await page.goto(address)
        assert await is_as_wide_as_its_window(page), address
        for element in await page.locator(
            "h1, h2, p, dt, dd, th, td, caption, label, summary, button, .state, a"
        ).all():
            if await element.is_visible():
                contrast: float = await element.evaluate(CONTRAST)
                assert contrast >= LEAST_CONTRAST, (address, await element.inner_text())


async def test_day_and_night_look_different(open_page: OpenPage) -> None:
    grounds = [
        await (await open_page(color_scheme=scheme)).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]

    assert grounds[0] != grounds[1]
