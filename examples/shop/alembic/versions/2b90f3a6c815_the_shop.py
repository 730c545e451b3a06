"""The shop before the backfills: customers, orders with their items, and documents.

Revision ID: 2b90f3a6c815
"""

import sqlalchemy as sa

from alembic import op

revision = "2b90f3a6c815"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("branch", sa.Text(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
    )
    op.create_table(
        "items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.ForeignKeyConstraint(["branch", "number"], ["orders.branch", "orders.number"], ondelete="CASCADE"),
    )
    op.create_index("ix_items_branch_number", "items", ["branch", "number"])
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), primary_key=True),
        sa.Column("body", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    for table in ("documents", "items", "orders", "customers"):
        op.drop_table(table)
