from __future__ import annotations

import pytest
import sqlalchemy as sa

from backfill.alembic.directives.columns import (
    OnlineAddColumnOp,
    OnlineDropColumnOp,
    OnlineDropNotNullOp,
    OnlineSetNotNullOp,
)
from backfill.alembic.directives.constraints import (
    OnlineAddCheckOp,
    OnlineAddForeignKeyOp,
    OnlineAddUniqueOp,
    OnlineDropConstraintOp,
)
from backfill.alembic.directives.indexes import OnlineIndexOp
from backfill.alembic.directives.renaming import OnlineFinishRenameColumnOp, OnlineRenameColumnOp
from backfill.alembic.directives.rendering import made_up_name
from backfill.alembic.volatility import of_another_type, surely_the_same_for_all


def test_the_reverse_of_an_operation_takes_it_back() -> None:
    column = OnlineAddColumnOp(table="t", column=sa.Column("c", sa.Text()), schema="s").reverse()
    key = OnlineAddForeignKeyOp(name="k", source="t", referent="u", local=["c"], remote=["id"], schema="s").reverse()
    index = OnlineIndexOp(name="i", table="t", columns=["c"], unique=True).reverse()
    renamed = OnlineRenameColumnOp(table="t", old="a", new="b").reverse()

    assert isinstance(column, OnlineDropColumnOp)
    assert (column.table, column.name, column.schema) == ("t", "c", "s")
    assert (key.name, key.table, key.schema) == ("k", "t", "s")
    assert index.drops
    assert not index.reverse().drops
    assert isinstance(renamed, OnlineFinishRenameColumnOp)
    assert (renamed.old, renamed.new) == ("b", "a")
    assert isinstance(OnlineSetNotNullOp(table="t", name="c").reverse(), OnlineDropNotNullOp)
    for added in (
        OnlineAddCheckOp(name="k", table="t", condition="c > 0"),
        OnlineAddUniqueOp(name="k", table="t", columns=["c"]),
    ):
        assert isinstance(added.reverse(), OnlineDropConstraintOp)


@pytest.mark.parametrize(
    "default", ["1", "-1.5", "'new'", "'it''s'::text", "true", "now()", "CURRENT_TIMESTAMP", "(1)"]
)
def test_a_default_that_is_the_same_for_all_rows_is_known_as_such(default: str) -> None:
    assert surely_the_same_for_all(default)


@pytest.mark.parametrize(
    "default", ["random()", "nextval('s')", "clock_timestamp()", "1 + f()", "now() + f()", "'a' || f()"]
)
def test_anything_else_may_differ_from_row_to_row(default: str) -> None:
    assert not surely_the_same_for_all(default)


def test_a_default_for_another_type_is_the_literal_without_its_own() -> None:
    assert of_another_type("'0'::text") == "'0'"
    assert of_another_type("0") == "'0'"
    assert of_another_type("NULL::text") == "NULL"
    assert of_another_type("now()") is None


def test_a_made_up_name_fits_and_is_the_same_at_each_run() -> None:
    long = made_up_name("online_not_null", "t" * 60, ["c"])

    assert made_up_name("online_not_null", "t", ["c"]) == "online_not_null_t_c"
    assert long == made_up_name("online_not_null", "t" * 60, ["c"])
    assert len(long) <= 63
