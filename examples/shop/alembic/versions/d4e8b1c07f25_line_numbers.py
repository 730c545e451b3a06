"""Adds items.line, and the trigger that numbers new items; the backfill `line-numbers` numbers those that are there.

Revision ID: d4e8b1c07f25
Revises: c58e7a19d3f0
"""

from pathlib import Path

import sqlalchemy as sa

from backfill.alembic import op
from backfill.alembic.online_ddl import OnlineDdl
from backfill.sql.files import read_sql

revision = "d4e8b1c07f25"
down_revision = "c58e7a19d3f0"

NAME = "items_number_lines"


def upgrade() -> None:
    op.online_add_column("items", sa.Column("line", sa.Integer()))
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        ddl.function(NAME, _sql("function"))
        ddl.under_lock(
            f"creating trigger {NAME}",
            _sql("trigger"),
            done=lambda catalog: catalog.trigger_calls("items", NAME, NAME),
        )


def downgrade() -> None:
    op.online_drop_trigger_function(NAME)
    op.online_drop_column("items", "line")


def _sql(name: str) -> str:
    return read_sql(Path(__file__).parent / revision / f"{name}.sql")
