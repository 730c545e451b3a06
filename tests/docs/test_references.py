"""What README.md and docs/ point at is there: files, headings, tests, settings, requests."""

from __future__ import annotations

import re
from itertools import chain
from urllib.parse import unquote, urlsplit

import pytest
from starlette.routing import Match

from backfill.http import events, health, metrics, operations, runs
from backfill.http import pages as page_routes
from backfill.settings import describe_settings
from tests.support.commands import REPOSITORY
from tests.support.documents import Page, pages

ROUTERS = [module.router for module in (events, health, metrics, operations, page_routes, runs)]
REQUEST = re.compile(r"(GET|POST|PATCH) (/\S*)")
PAGES = {page.name: page for page in pages()}
README = PAGES["README.md"]
CITED_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")
SETTING = re.compile(r"\b(?:BACKFILL_[A-Z_]*[A-Z]|DATABASE_URL(?:_FILE)?|REDIS_URL(?:_FILE)?)\b")


def relative_links(page: Page) -> list[tuple[str, str, int]]:
    """Path and anchor of each link that stays in the repository, and its line."""
    split = [(urlsplit(link), line) for link, line in page.links]
    return [(unquote(one.path), one.fragment, line) for one, line in split if not one.scheme and not one.netloc]


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    for path, anchor, line in relative_links(page):
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.is_relative_to(REPOSITORY), f"{page.name}:{line}: {path} leaves the repository"
        assert target.exists(), f"{page.name}:{line}: there is no {path}"
        if anchor:
            there = PAGES[target.relative_to(REPOSITORY).as_posix()].anchors
            assert anchor in there, f"{page.name}:{line}: {path} has no heading #{anchor}"


def test_every_page_and_picture_can_be_found_from_the_readme() -> None:
    found, open_pages = {README.path}, [README]
    while open_pages:
        page = open_pages.pop()
        targets = {(page.path.parent / path).resolve() for path, _, _ in relative_links(page) if path}
        open_pages += [other for other in PAGES.values() if other.path in targets - found]
        found |= targets

    wanted = [path for path in (REPOSITORY / "docs").rglob("*") if path.is_file()]
    assert not [path.name for path in wanted if path not in found]


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_every_test_that_is_cited_is_there(page: Page) -> None:
    for file, name in CITED_TEST.findall(page.text):
        source = (REPOSITORY / file).read_text(encoding="utf-8")
        assert not name or re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{file} has no {name}"


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_every_setting_that_is_named_is_there(page: Page) -> None:
    assert set(SETTING.findall(page.text)) <= {setting.name for setting in describe_settings()}


@pytest.mark.parametrize(("page", "passages"), [("docs/library.md", 3), ("docs/authors.md", 8)])
def test_the_code_of_the_pages_for_authors_is_that_of_the_example(page: str, passages: int) -> None:
    files = [path for path in (REPOSITORY / "examples" / "shop").rglob("*") if path.suffix in {".py", ".toml"}]
    example = "\n".join(path.read_text(encoding="utf-8") for path in files)
    shown = [fence.text for fence in PAGES[page].fences if fence.language in {"python", "toml"}]
    blocks = [block.strip("\n") for code in shown for block in code.split("\n\n\n")]

    assert len(blocks) == passages
    assert not [code for code in blocks if code not in example]


LONGEST = {
    "email_normalized.py": ("class EmailNormalized", 6),
    "order_totals.py": ("class OrderTotals", 12),
    "document_hashes.py": ("@calls", 8),
}


@pytest.mark.parametrize("file", LONGEST)
def test_the_examples_are_as_short_as_they_are_said_to_be(file: str) -> None:
    first, most = LONGEST[file]
    source = (REPOSITORY / "examples" / "shop" / "shop" / "backfills" / file).read_text(encoding="utf-8")

    definition = source[source.index(first) :].rstrip().splitlines()

    assert len(definition) <= most


def requests_in(page: Page) -> list[tuple[str, str]]:
    """Method and path; what stands beside a request in its cell is another path, or another last part of that path."""
    found = []
    for passage in page.passages:
        method, path = "", ""
        for code in passage.code:
            if request := REQUEST.fullmatch(code):
                method, path = request.groups()
            elif not (method and passage.is_cell):
                continue
            else:
                path = code if code.startswith("/") else f"{path.rpartition('/')[0]}/{code}"
            found.append((method, path))
    return found


def is_served(method: str, path: str) -> bool:
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for router in ROUTERS for route in router.routes)


@pytest.mark.parametrize(("method", "path"), sorted({one for page in PAGES.values() for one in requests_in(page)}))
def test_every_request_that_is_named_is_served(method: str, path: str) -> None:
    assert is_served(method, path)


def test_a_request_that_is_not_served_would_be_found() -> None:
    assert not is_served("POST", "/v1/runs/{id}/stop")


def test_the_safety_properties_of_the_guide_are_shown_by_tests() -> None:
    guide = next(page for page in PAGES.values() if "MIGRATION_" in page.name)
    cells = chain.from_iterable(passage.code for passage in guide.passages if passage.is_cell)

    assert len([code for code in cells if CITED_TEST.fullmatch(code)]) > 10
