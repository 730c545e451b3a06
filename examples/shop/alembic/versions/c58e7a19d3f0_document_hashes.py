"""Adds documents.sha256, and the trigger that keeps it right from now on; the backfill fills it in.

Revision ID: c58e7a19d3f0
Revises: 9f3a60d2b7e1
"""

import sqlalchemy as sa
from shop.backfills.document_hashes import document_hashes

from backfill.alembic import op

revision = "c58e7a19d3f0"
down_revision = "9f3a60d2b7e1"


def upgrade() -> None:
    op.online_add_column("documents", sa.Column("sha256", sa.Text()))
    op.create_sync_trigger(document_hashes)


def downgrade() -> None:
    op.drop_sync_trigger(document_hashes)
    op.online_drop_column("documents", "sha256")
