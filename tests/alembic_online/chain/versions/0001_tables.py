"""Two tables in two schemas, as an application has them.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA sales")
    op.create_table(
        "Customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("age", sa.Text(), nullable=False, server_default="0"),
        sa.Column("obsolete", sa.Text()),
        schema="sales",
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger()),
        sa.Column("total", sa.Integer()),
        sa.Column("note", sa.Text(), server_default="none: given"),
    )


def downgrade() -> None:
    op.drop_table("orders")
    op.drop_table("Customers", schema="sales")
    op.execute("DROP SCHEMA sales")
