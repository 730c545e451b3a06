"""No release names the old column any more.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa

from backfill.alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.online_drop_index("ix_orders_note", "orders")
    op.online_drop_constraint("ck_orders_total", "orders")
    op.online_finish_rename_column("orders", "note", "Remark", existing_server_default="'none: given'")


def downgrade() -> None:
    op.online_rename_column("orders", "Remark", "note", existing_type=sa.Text())
    has_note = sa.text("note IS NOT NULL")
    op.online_create_index("ix_orders_note", "orders", [sa.text("lower(note)")], postgresql_where=has_note)
    op.online_add_check("ck_orders_total", "orders", "total >= 0 AND note NOT LIKE '%:%:x'")
