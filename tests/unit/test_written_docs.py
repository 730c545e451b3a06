"""The pages in docs/ that are made from the code: as they would be made now, and with what they must say."""

from __future__ import annotations

import re

import pytest

from backfill.alembic import op
from backfill.alembic.directives.described import DIRECTIVES
from backfill.runs.states import ARROWS, State
from backfill.settings import Settings, describe_settings
from scripts.write_docs import (
    DOCS,
    INTERLEAVINGS,
    PAGES,
    README,
    SCALING,
    TABLE_ENDS,
    configuration_page,
    proof_page,
    readme,
    scaling,
    states_page,
    table,
)
from tests.mutations.sabotages import SABOTAGES
from tests.support.commands import REPOSITORY


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


def test_the_readmes_table_says_what_the_settings_say() -> None:
    present = README.read_text(encoding="utf-8")

    assert present == readme(present), "run: make docs"
    assert "| `BACKFILL_PARALLEL` |" in present


def test_the_page_on_scaling_says_what_was_measured() -> None:
    present = SCALING.read_text(encoding="utf-8")

    assert present == scaling(present), "run: make docs"
    assert "| verification: seconds, to those of the run before it |" in present


def test_a_readme_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a line"):
        readme(README.read_text(encoding="utf-8").replace(TABLE_ENDS, ""))


def test_the_diagram_has_every_arrow_once() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)$", states_page(), re.MULTILINE)

    assert drawn == [(arrow.source, arrow.target, arrow.action) for arrow in ARROWS]


def test_every_state_has_a_row() -> None:
    assert set(State) <= set(
        re.findall(r"^\| `(\w+)` \| (?:done|at rest|at work|in passing)", states_page(), re.MULTILINE)
    )


def test_every_setting_has_a_row_with_its_meaning() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (.+) \|$", configuration_page(), re.MULTILINE)

    assert [meaning for _, meaning in rows] == [setting.description for setting in describe_settings()]
    assert len({name for name, _ in rows}) == len(Settings.model_fields)


def test_every_sabotage_and_every_race_has_a_row() -> None:
    page = proof_page()

    assert [name for name in (sabotage.name for sabotage in SABOTAGES) if f"| {name} |" not in page] == []
    assert page.count(f"{INTERLEAVINGS}/test_") - sum(INTERLEAVINGS in s.caught_by for s in SABOTAGES) == len(
        list((REPOSITORY / INTERLEAVINGS).glob("test_*.py"))
    )


def test_a_cell_cannot_break_its_row() -> None:
    assert table(("a",), [("x | y",)]).splitlines()[-1] == r"| x \| y |"


def test_every_directive_is_described() -> None:
    described = {re.match(r"\w+", one.directive) for one in DIRECTIVES}
    registered = {name for name in dir(op) if name.startswith("online_") or name.endswith("_sync_trigger")}

    assert {found[0] for found in described if found} == registered
