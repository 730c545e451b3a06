"""Every directive once.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa

from backfill.alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.online_add_column("orders", sa.Column("state", sa.Text(), server_default="it's :new", nullable=False))
    token = sa.Column("token", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False)
    op.online_add_column("orders", token)
    has_note = sa.text("note IS NOT NULL")
    op.online_create_index("ix_orders_note", "orders", [sa.text("lower(note)")], postgresql_where=has_note)
    op.online_add_foreign_key(
        "fk_orders_customer",
        "orders",
        "Customers",
        ["customer_id"],
        ["id"],
        ondelete="SET NULL",
        referent_schema="sales",
    )
    op.online_add_check("ck_orders_total", "orders", "total >= 0 AND note NOT LIKE '%:%:x'")
    op.online_set_not_null("orders", "total")
    op.online_add_unique("uq_customers_email", "Customers", ["email"], schema="sales")
    op.online_drop_column("Customers", "obsolete", schema="sales")
    op.online_rename_column("orders", "note", "Remark", existing_type=sa.Text())
    op.online_alter_type(
        "Customers", "age", sa.Integer(), schema="sales", existing_nullable=False, existing_server_default="'0'"
    )


def downgrade() -> None:
    op.online_alter_type(
        "Customers", "age", sa.Text(), schema="sales", existing_nullable=False, existing_server_default="0"
    )
    op.online_finish_rename_column("orders", "Remark", "note", existing_server_default="'none: given'")
    op.online_add_column("Customers", sa.Column("obsolete", sa.Text()), schema="sales")
    op.online_drop_constraint("uq_customers_email", "Customers", schema="sales")
    op.online_drop_not_null("orders", "total")
    op.online_drop_constraint("ck_orders_total", "orders")
    op.online_drop_constraint("fk_orders_customer", "orders")
    op.online_drop_index("ix_orders_note", "orders")
    op.online_drop_column("orders", "token")
    op.online_drop_column("orders", "state")
