from __future__ import annotations

from typing import Any

import pytest

from backfill.alembic.contracting import downgrade_of, spelled, upgrade_of
from backfill.definitions import ColumnOf, Contract, Definition
from backfill.runs.errors import UsageError
from backfill.sql.needs import IndexNeed, Needs, TriggerNeed

NEEDS = Needs(triggers=(TriggerNeed(name="keep", table="orders", function="keep_orders", schema="sales"),))


def defined(contract: Contract | None) -> Definition:
    def bind(*_: Any) -> Any:
        raise AssertionError("nothing is bound to make a revision")

    return Definition(name="totals", about="Totals.", bind=bind, needs=NEEDS, contract=contract)


def test_columns_are_dropped_last_and_the_data_is_asked_first() -> None:
    contract = Contract(
        when="now",
        indexes=(IndexNeed(name="uq", table="orders", columns=("number",), is_unique=True, schema="sales"),),
        not_null=(ColumnOf(table="orders", name="total", schema="sales"),),
        drop_indexes=(IndexNeed(name="ix", table="orders", columns=("total",), schema="sales"),),
        drop_columns=(ColumnOf(table="orders", name="old", schema="sales"),),
        made_again_by="abc",
    )

    assert list(spelled(upgrade_of(defined(contract)))) == [
        "op.require_backfill('totals')",
        "op.online_create_index('uq', 'orders', ['number'], schema='sales', unique=True)",
        "op.online_set_not_null('orders', 'total', schema='sales')",
        "op.online_drop_trigger_function('keep_orders', schema='sales')",
        "op.online_drop_index('ix', 'orders', schema='sales')",
        "op.online_drop_column('orders', 'old', schema='sales')",
    ]
    assert list(spelled(downgrade_of(defined(contract)))) == [
        "op.redo_revision('abc')",
        "op.online_drop_not_null('orders', 'total', schema='sales')",
        "op.online_drop_index('uq', 'orders', schema='sales')",
    ]


def test_triggers_that_somebody_needs_stay_and_the_reason_is_told() -> None:
    contract = Contract(when="now", keep_triggers_while="the old release runs")

    assert list(spelled(upgrade_of(defined(contract))))[1:] == [
        "# Not while the old release runs:",
        "# op.online_drop_trigger_function('keep_orders', schema='sales')",
    ]
    assert list(spelled(downgrade_of(defined(contract)))) == []


@pytest.mark.parametrize("contract", [None, Contract(when="now")], ids=["no contract", "nothing makes triggers again"])
def test_what_its_author_has_left_out_is_named(contract: Contract | None) -> None:
    with pytest.raises(UsageError, match="Its author can"):
        downgrade_of(defined(contract))
