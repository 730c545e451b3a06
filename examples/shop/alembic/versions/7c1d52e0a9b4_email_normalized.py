"""Adds the column and the trigger that keeps it right from now on; the backfill `email-normalized` fills it in.

Revision ID: 7c1d52e0a9b4
Revises: 2b90f3a6c815
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from backfill.alembic.online_ddl import OnlineDdl
from backfill.sql.files import read_sql

revision = "7c1d52e0a9b4"
down_revision = "2b90f3a6c815"
branch_labels = None
depends_on = None

FUNCTION = TRIGGER = "customers_normalize_email"


def upgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        ddl.under_lock(
            "adding email_normalized to customers",
            _sql("add_column"),
            done=lambda catalog: catalog.has_columns("customers", ("email_normalized",)),
        )
        ddl.function(FUNCTION, _sql("function"))
        ddl.under_lock(
            f"creating trigger {TRIGGER}",
            _sql("trigger"),
            done=lambda catalog: catalog.trigger_calls("customers", TRIGGER, FUNCTION),
        )


def downgrade() -> None:
    op.execute(_sql("drop_function"))
    op.drop_column("customers", "email_normalized")


def _sql(name: str) -> str:
    return read_sql(Path(__file__).parent / revision / f"{name}.sql")
