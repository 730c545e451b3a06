"""Adds customers.email_normalized, and the trigger that keeps it right from now on; the backfill fills it in.

Revision ID: 7c1d52e0a9b4
Revises: 2b90f3a6c815
"""

import sqlalchemy as sa
from shop.backfills.email_normalized import EmailNormalized

from backfill.alembic import op

revision = "7c1d52e0a9b4"
down_revision = "2b90f3a6c815"


def upgrade() -> None:
    op.online_add_column("customers", sa.Column("email_normalized", sa.Text()))
    op.create_sync_trigger(EmailNormalized)


def downgrade() -> None:
    op.drop_sync_trigger(EmailNormalized)
    op.online_drop_column("customers", "email_normalized")
