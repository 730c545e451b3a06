"""Add generation versioning and project active tracking.

Only adds, and only in steps that hold up the application for less than a second each; the rows are filled in
by the backfill `generation-versions`. The order of the steps matters:

1. indexes that the backfill and the triggers read by;
2. columns, one table per transaction;
3. the foreign key, not validated at first, and the index that keeps deleting generations cheap;
4. triggers, the one on inserts last. From then on new rows of settled projects come with their values; a state
   with the others only does nothing, for no project is settled yet.

Revision ID: 39e7f45c72f1
Revises: e011ab9dd223
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from worker.schema.catalog import Catalog
from worker.schema.online_ddl import OnlineDdl
from worker.sqlfiles import read_sql

revision = "39e7f45c72f1"
down_revision = "e011ab9dd223"
branch_labels = None
depends_on = None

COLUMNS = {
    "generations": (
        "version",
        "version_name",
        "is_active",
        "storage_path",
        "file_count",
        "total_size_bytes",
        "diff_from_previous",
        "changes_summary",
    ),
    "projects": ("latest_version", "active_generation_id"),
}
ACTIVE_KEY = "fk_projects_active_generation"
FUNCTIONS = (
    "projects_latest_version_before_update",
    "generations_renumber_before_move",
    "generations_activate_completed",
    "generations_number_before_insert",
)
TRIGGERS = (
    ("projects", "projects_latest_version_before_update"),
    ("generations", "generations_renumber_before_move"),
    ("generations", "generations_activate_after_update"),
    ("generations", "generations_activate_after_insert"),
    ("generations", "generations_number_before_insert"),
)


def upgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        ddl.without_lock(_sql("assert_every_row_is_seen"))
        ddl.offline_only(_sql("drop_invalid_indexes"))
        ddl.build_index("ix_generations_project_id_created_at_id", "generations", ["project_id", "created_at", "id"])
        ddl.build_index("ix_projects_created_at_id", "projects", ["created_at", "id"])
        _add_columns(ddl, "generations")
        _add_columns(ddl, "projects")
        ddl.build_index(
            "ix_projects_active_generation_id",
            "projects",
            ["active_generation_id"],
            where="active_generation_id IS NOT NULL",
        )
        _add_active_key(ddl)
        for function in FUNCTIONS:
            ddl.without_lock(_sql(f"function_{function}"))
        for table, trigger in TRIGGERS:
            _create_trigger(ddl, table, trigger)
    op.execute(_sql("assert_complete"))


def downgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        for function in reversed(FUNCTIONS):
            _drop_function(ddl, function)
        ddl.under_lock(
            f"dropping {ACTIVE_KEY}",
            _sql("drop_active_generation_key"),
            done=lambda catalog: catalog.constraint_is_valid("projects", ACTIVE_KEY) is None,
        )
        ddl.drop_index("ix_projects_active_generation_id", "projects")
        _drop_columns(ddl, "projects")
        _drop_columns(ddl, "generations")
        ddl.drop_index("ix_projects_created_at_id", "projects")
        ddl.drop_index("ix_generations_project_id_created_at_id", "generations")
    op.execute(_sql("assert_gone"))


def _sql(name: str) -> str:
    return read_sql(Path(__file__).parent / revision / f"{name}.sql")


def _add_columns(ddl: OnlineDdl, table: str) -> None:
    ddl.under_lock(
        f"adding columns to {table}",
        _sql(f"add_columns_to_{table}"),
        done=lambda catalog: catalog.has_columns(table, COLUMNS[table]),
    )


def _drop_columns(ddl: OnlineDdl, table: str) -> None:
    ddl.under_lock(
        f"dropping columns of {table}",
        _sql(f"drop_columns_of_{table}"),
        done=lambda catalog: catalog.lacks_columns(table, COLUMNS[table]),
    )


def _add_active_key(ddl: OnlineDdl) -> None:
    ddl.under_lock(
        f"adding {ACTIVE_KEY}",
        _sql("add_active_generation_key"),
        done=lambda catalog: catalog.constraint_is_valid("projects", ACTIVE_KEY) is not None,
    )
    ddl.under_lock(
        f"validating {ACTIVE_KEY}",
        _sql("validate_active_generation_key"),
        done=lambda catalog: catalog.constraint_is_valid("projects", ACTIVE_KEY) is True,
    )


def _create_trigger(ddl: OnlineDdl, table: str, trigger: str) -> None:
    def done(catalog: Catalog) -> bool:
        return catalog.trigger_is_enabled(table, trigger) is True

    ddl.under_lock(f"creating trigger {trigger}", _sql(f"trigger_{trigger}"), done=done)


def _drop_function(ddl: OnlineDdl, function: str) -> None:
    ddl.under_lock(
        f"dropping function {function} and its triggers",
        _sql(f"drop_function_{function}"),
        done=lambda catalog: not catalog.has_function(function),
    )
