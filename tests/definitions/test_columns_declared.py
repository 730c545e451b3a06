"""What an author may leave out, and what is told where something is wrong: by class and attribute, at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, select

from backfill.definitions import AuthorsMistake, Columns, Definition, discover
from tests.support.shop_tables import Customer, EmailNormalized, Item, Order, OrderTotals

NORMALIZED = {Customer.email_normalized: func.lower(Customer.email)}
BARE = Table("bare", MetaData(), Column("id", Integer), Column("x", Text))


def test_name_and_sentence_follow_from_the_class() -> None:
    definition = EmailNormalized.definition()

    assert isinstance(definition, Definition)
    assert (definition.name, definition.version) == ("email-normalized", "1")
    assert definition.about == "Gives every customer the address in lower case that they are found by."


def test_what_it_relies_on_follows_from_the_expressions() -> None:
    needs = OrderTotals.definition().needs

    assert {(one.table, one.name) for one in needs.columns} == {
        *(("orders", name) for name in ("shop", "number", "total")),
        *(("items", name) for name in ("shop", "number", "pieces", "price")),
    }
    assert [(one.columns, one.is_unique) for one in needs.indexes] == [(("shop", "number"), True)]
    assert [(one.table, one.name) for one in needs.triggers] == [
        ("orders", "order_totals_sync"),
        *(("items", f"order_totals_{event}") for event in ("insert", "update", "delete", "truncate")),
    ]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"table": "customers"}, r"Wrong\.table: 'customers' is no table"),
        ({"table": BARE, "sets": {BARE.c.x: "1"}}, r"Wrong\.table: bare has no primary key"),
        ({"sets": {}}, r"Wrong\.sets: give a dictionary"),
        ({"sets": {"email": func.lower(Customer.email)}}, r"Wrong\.sets: 'email' is no column"),
        ({"sets": {Order.total: 1}}, r"Wrong\.sets: .*total is no column of customers"),
        ({"sets": {Customer.id: 1}}, r"Wrong\.sets: id is part of the key"),
        ({"sets": {Customer.email: func.lower(Customer.email)}}, r"Wrong\.sets\[email\]: it reads email, which is set"),
        ({"sets": {Customer.email_normalized: object()}}, r"Wrong\.sets\[email_normalized\]: .* is no SQL expression"),
        ({"sets": {Customer.email_normalized: select(Item.note)}}, r"Wrong\.sets.*end it with \.scalar_subquery\(\)"),
        ({"where": Customer.email_normalized.is_(None)}, r"Wrong\.where: .* what finds rows without a value is `todo`"),
        ({"order_by": Customer.email_normalized}, r"Wrong\.order_by: email_normalized may be NULL"),
        ({"batch_rows": 0}, r"Wrong\.batch_rows: 0 is no number of rows"),
        ({"kept_by": "me"}, r"Wrong\.kept_by: 'me' is no keeper"),
        ({"__doc__": None}, r"Wrong: it has no docstring"),
        ({"name": "Not A Name"}, r"'Not A Name' is no name for a backfill"),
    ],
)
def test_a_mistake_is_told_when_the_class_is_made(attributes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        type("Wrong", (Columns,), {"__doc__": "About.", "table": Customer, "sets": NORMALIZED, **attributes})


def test_a_mistake_is_an_authors_and_leaves_nothing_half_made() -> None:
    with pytest.raises(AuthorsMistake) as told:
        type("Wrong", (Columns,), {"__doc__": "About.", "table": Customer, "sets": {}})

    assert (told.value.where, "dictionary" in told.value.what) == ("Wrong.sets", True)


def test_a_base_class_need_not_be_complete() -> None:
    class OfCustomers(Columns):
        table = Customer

    class Lowered(OfCustomers):
        """Lowers."""

        sets = NORMALIZED

    assert not OfCustomers.is_complete()
    assert Lowered.definition().name == "lowered"


def test_classes_of_a_module_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fills.py").write_text(
        "from backfill.definitions import Columns\n"
        "from tests.support.shop_tables import Customer, EmailNormalized, func\n"
        "class Trimmed(Columns):\n"
        "    'Trims.'\n"
        "    table = Customer\n"
        "    sets = {Customer.email_normalized: func.btrim(Customer.email)}\n"
        "Again = Trimmed\n"
    )
    (tmp_path / "broken.py").write_text(
        "from backfill.definitions import Columns\nclass Bad(Columns):\n    'Bad.'\n    table, sets = 1, {}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    found = discover(["fills", "broken"])

    assert [name for name in found.definitions if name in {"email-normalized", "trimmed"}] == [
        "email-normalized",
        "trimmed",
    ]
    assert any("Bad.table: 1 is no table" in str(one) for one in found.broken)
