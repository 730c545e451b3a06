"""Adds orders.total, and the trigger that keeps it right from now on; the backfill fills it in.

Revision ID: 9f3a60d2b7e1
Revises: 7c1d52e0a9b4
"""

import sqlalchemy as sa
from shop.backfills.order_totals import OrderTotals

from backfill.alembic import op

revision = "9f3a60d2b7e1"
down_revision = "7c1d52e0a9b4"


def upgrade() -> None:
    op.online_add_column("orders", sa.Column("total", sa.Numeric(12, 2)))
    op.create_sync_trigger(OrderTotals)


def downgrade() -> None:
    op.drop_sync_trigger(OrderTotals)
    op.online_drop_column("orders", "total")
