"""The shop before the backfill: customers with an address as they typed it.

Revision ID: 2b90f3a6c815
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "2b90f3a6c815"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("customers")
