from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from backfill.definitions import Broken, Definition, Found, discover
from backfill.engine.preflight import require_known, the_only_one
from backfill.runs.errors import UnknownBackfill, UsageError

DEFINITION = """
from backfill.definitions import Definition

{variable} = Definition(name="{name}", about="Fills it in.", bind=lambda engine, limits: None)
"""

Write = Callable[[str, str], None]


def defines(*names: str) -> str:
    return "".join(DEFINITION.format(variable=f"BACKFILL_{number}", name=name) for number, name in enumerate(names))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """`write(module, source)`: a file in the working directory, which is not on the path; forgotten after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)

    def put(module: str, source: str) -> None:
        file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        invalidate_caches()

    yield put
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.fixture
def install(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`install(distribution, entry_points)`: what an installed package says about itself."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(distribution: str, entry_points: str) -> None:
        about = tmp_path / f"{distribution}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[backfill.definitions]\n{entry_points}\n")
        invalidate_caches()

    return put


def names(found: Found) -> list[str]:
    return list(found.definitions)


def test_every_module_that_is_named_is_read_in_order(write: Write) -> None:
    write("orders.backfills", defines("totals", "currencies"))
    write("people.backfills", defines("emails"))

    found = discover(["orders.backfills", "people.backfills"])

    assert (names(found), found.broken) == (["totals", "currencies", "emails"], ())


def test_installed_packages_are_found_by_their_entry_points(write: Write, install: Write) -> None:
    write("parcels", defines("weights", "sizes"))
    write("letters", defines("stamps"))
    install("parcels", "all = parcels\none = letters:BACKFILL_0")

    found = discover([])

    assert (names(found), found.broken) == (["weights", "sizes", "stamps"], ())


def test_what_a_setting_names_and_an_entry_point_leads_to_is_one_backfill(write: Write, install: Write) -> None:
    write("parcels", defines("weights"))
    install("parcels", "all = parcels")

    found = discover(["parcels"])

    assert (names(found), found.broken) == (["weights"], ())


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import a_library_that_is_not_there", "ModuleNotFoundError: No module named 'a_library_that_is_not_there'"),
        ("this is no Python", "SyntaxError: invalid syntax (broken.py, line 1)"),
        ("raise RuntimeError", "RuntimeError"),
        ("NOTHING = 1", "it is imported, but defines no backfill"),
        (
            defines("Upper Case"),
            "ValueError: 'Upper Case' is no name for a backfill: lower-case letters, digits and hyphens",
        ),
    ],
    ids=["a library is missing", "no Python", "an error without words", "no definition", "a name that is none"],
)
def test_a_module_that_gives_nothing_is_named_with_the_reason_beside_those_that_do(
    write: Write, source: str, error: str
) -> None:
    write("broken", source)
    write("right", defines("emails"))

    found = discover(["broken", "right"])

    assert (names(found), found.broken) == (["emails"], (Broken(place="broken", error=error),))


def test_an_entry_point_that_gives_nothing_is_named_with_where_it_leads(write: Write, install: Write) -> None:
    write("parcels", "WEIGHTS = 1")
    install("parcels", "gone = parcels:SIZES\nnumber = parcels:WEIGHTS")

    found = discover([])

    assert [str(one) for one in found.broken] == [
        "entry point gone (parcels:SIZES): AttributeError: module 'parcels' has no attribute 'SIZES'",
        "entry point number (parcels:WEIGHTS): it leads to no definition of a backfill",
    ]


def test_of_two_of_one_name_the_first_is_taken_and_the_second_is_told(write: Write) -> None:
    write("first", defines("emails"))
    write("second", defines("emails", "phones"))

    found = discover(["first", "second"])

    assert names(found) == ["emails", "phones"]
    assert found.definitions["emails"] is sys.modules["first"].BACKFILL_0
    assert found.broken == (Broken(place="second", error="there is another backfill called emails"),)


def test_an_installed_package_keeps_its_name_from_a_file_in_the_working_directory(write: Write) -> None:
    write("json", defines("emails"))

    found = discover(["json"])

    assert found.broken == (Broken(place="json", error="it is imported, but defines no backfill"),)


@pytest.mark.parametrize("name", ["", "-a", "a_b", "A", "a" * 65, "a b"])
def test_a_name_that_nobody_can_type_is_refused_where_it_is_written(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a backfill"):
        Definition(name=name, about="Fills it in.", bind=lambda engine, limits: None)  # type: ignore[arg-type, return-value]


def test_without_a_name_the_only_backfill_is_meant() -> None:
    assert the_only_one({"emails": 1}) == "emails"


def test_without_a_name_several_backfills_are_listed() -> None:
    with pytest.raises(UsageError, match=r"There are several backfills\. Name one: emails, phones\."):
        the_only_one({"phones": 1, "emails": 2})


def test_where_none_is_known_the_answer_says_what_could_not_be_read() -> None:
    with pytest.raises(UnknownBackfill) as refused:
        require_known({}, "emails", {"shop.backfills": "ModuleNotFoundError: No module named 'shop'"})

    assert "set BACKFILL_DEFINITIONS" in str(refused.value)
    assert "Not read: shop.backfills (ModuleNotFoundError: No module named 'shop')." in str(refused.value)
