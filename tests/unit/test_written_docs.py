"""The pages in docs/ that are made from the code: as they would be made now, and with what they must say."""

from __future__ import annotations

import re

import pytest

from config.settings import Settings
from scripts.write_docs import DOCS, PAGES, configuration_page, states_page, table
from tests.support.commands import REPOSITORY
from worker.runs.states import ARROWS, State


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_found_from_the_readme(name: str) -> None:
    assert f"(docs/{name})" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_diagram_has_every_arrow_once() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)$", states_page(), re.MULTILINE)

    assert drawn == [(arrow.source, arrow.target, arrow.action) for arrow in ARROWS]


def test_every_state_has_a_row() -> None:
    assert set(State) <= set(
        re.findall(r"^\| `(\w+)` \| (?:done|at rest|at work|in passing)", states_page(), re.MULTILINE)
    )


def test_every_setting_has_a_row_with_its_meaning() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (.+) \|$", configuration_page(), re.MULTILINE)

    assert [meaning for _, meaning in rows] == [field.description for field in Settings.model_fields.values()]
    assert len({name for name, _ in rows}) == len(Settings.model_fields)


def test_a_cell_cannot_break_its_row() -> None:
    assert table(("a",), [("x | y",)]).splitlines()[-1] == r"| x \| y |"
