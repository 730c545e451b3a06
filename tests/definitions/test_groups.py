"""What an author gets wrong in a class of Groups is told when the class is made, with the attribute's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text

from backfill.definitions import AuthorsMistake, Groups, SyncTrigger
from backfill.sql.folder import SqlFolder

METADATA = MetaData()
ORDERS = Table("orders", METADATA, Column("id", BigInteger, primary_key=True), Column("note", Text))
ITEMS = Table(
    "items",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id"), nullable=False),
    Column("line", Integer),
    Index("ix_items_order_id", "order_id"),
)
UNINDEXED = Table(
    "unindexed",
    METADATA,
    Column("id", BigInteger, primary_key=True),
    Column("order_id", BigInteger, ForeignKey("orders.id")),
    Column("line", Integer),
)
RIGHT: dict[str, Any] = {
    "table": ORDERS,
    "rows": ITEMS,
    "writes": [ITEMS.c.line],
    "todo": ITEMS.c.line.is_(None),
    "checks": {"numbered": "Every item has a number"},
    "kept_by": "frozen",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlFolder:
    """Of a package with both statements."""
    package = tmp_path / "authors_package_of_groups"
    (package / "sql").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("settle", "check"):
        (package / "sql" / f"{name}.sql").write_text("-- Why.\nSELECT 1", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return SqlFolder(package.name)


def made(folder: SqlFolder | None, **more: Any) -> type[Groups]:
    body = {"__doc__": "Numbers items.", "__module__": __name__, "sql": folder, **RIGHT, **more}
    return type("Numbered", (Groups,), {name: value for name, value in body.items() if value is not ...})


def test_schema_rights_and_rules_follow_from_a_class_that_is_right(folder: SqlFolder) -> None:
    class Parameters(BaseModel):
        first: int = 1

    trigger = SyncTrigger(name="number", table=ITEMS, function="number_items")
    found = made(folder, kept_by=trigger, Parameters=Parameters, version="2", reads=[ORDERS.c.note])

    definition = found.definition()
    assert (definition.name, definition.version, definition.parameters) == ("numbered", "2", Parameters)
    assert [index.name for index in definition.needs.indexes] == ["orders_pkey", "ix_items_order_id"]
    assert [(one.name, one.function) for one in definition.needs.triggers] == [("number", "number_items")]
    assert {(one.table, one.columns) for one in found.rights.writing} == {("orders", ("id",)), ("items", ("line",))}
    assert {(one.table, one.columns) for one in found.rights.reading} == {
        ("orders", ("id", "note")),
        ("items", ("order_id", "line")),
    }
    assert [rule.slug for rule in found.rules] == ["columns", "indexes", "triggers", "statistics", "numbered"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"rows": UNINDEXED, "writes": [UNINDEXED.c.line], "todo": UNINDEXED.c.line.is_(None)},
            r"rows: .*no index that",
        ),
        ({"table": ITEMS, "rows": ORDERS}, r"Numbered\.rows: orders has no foreign key to the primary key of items"),
        ({"kept_by": ...}, r"Numbered\.kept_by: no trigger follows from SQL of your own"),
        ({"kept_by": "trigger"}, r"Numbered\.kept_by: no trigger follows"),
        ({"kept_by": "nobody"}, r"Numbered\.kept_by: 'nobody' is no keeper"),
        ({"writes": [ORDERS.c.note]}, r"Numbered\.writes: name the columns of items that settle\.sql sets"),
        ({"todo": ORDERS.c.note.is_(None)}, r"Numbered\.todo: it reads orders\.note"),
        ({"checks": {}}, r"Numbered\.checks: give a dictionary"),
        ({"sql": SqlFolder("tests", "nowhere")}, r"Numbered\.sql: nowhere/settle\.sql is missing in the package tests"),
        ({"__doc__": None}, r"Numbered: it has no docstring"),
    ],
)
def test_a_mistake_is_told_with_the_attribute_s_name(folder: SqlFolder, more: dict[str, Any], said: str) -> None:
    with pytest.raises(AuthorsMistake, match=said):
        made(**{"folder": more.pop("sql", folder), **more})
