"""Add generation versioning and project active tracking.

Only adds, and only in steps that hold up the application for less than a second each; the rows are filled in
by the backfill `generation-versions`. The order of the steps matters:

1. indexes that the backfill and the triggers read by;
2. columns, one table per transaction; where another revision has made them already, what that one left out;
3. the foreign key, not validated at first, and the index that keeps deleting generations cheap;
4. triggers, the one on inserts last. From then on new rows of settled projects come with their values; a state
   with the others only does nothing, for no project is settled yet.

Revision ID: 39e7f45c72f1
Revises: e011ab9dd223
"""

from __future__ import annotations

from pathlib import Path

from alembic import op
from backfill.alembic.online_ddl import OnlineDdl
from backfill.sql.catalog import Catalog
from backfill.sql.files import read_sql
from backfill.sql.needs import IndexNeed, KeyNeed

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
# Each of them NOT NULL, too.
DEFAULTS = {
    "generations": {"version": "1", "is_active": "false", "file_count": "0"},
    "projects": {"latest_version": "0"},
}
ACTIVE_KEY = KeyNeed(
    name="fk_projects_active_generation",
    table="projects",
    column="active_generation_id",
    to_table="generations",
    to_column="id",
    on_delete="SET NULL",
)
PROJECT_INDEX = IndexNeed(
    name="ix_generations_project_id_created_at_id", table="generations", columns=("project_id", "created_at", "id")
)
WALK_INDEX = IndexNeed(name="ix_projects_created_at_id", table="projects", columns=("created_at", "id"))
ACTIVE_INDEX = IndexNeed(
    name="ix_projects_active_generation_id",
    table="projects",
    columns=("active_generation_id",),
    where="active_generation_id IS NOT NULL",
)
FUNCTIONS = (
    "projects_latest_version_before_update",
    "projects_reserve_numbers",
    "generations_renumber_before_move",
    "generations_activate_completed",
    "generations_raise_after_insert",
    "generations_number_before_insert",
)
TRIGGERS = (
    ("projects", "projects_latest_version_before_update"),
    ("projects", "projects_reserve_before_update"),
    ("projects", "projects_reserve_after_insert"),
    ("generations", "generations_renumber_before_move"),
    ("generations", "generations_activate_after_update"),
    ("generations", "generations_activate_after_insert"),
    ("generations", "generations_raise_after_insert"),
    ("generations", "generations_number_before_insert"),
)

# Functions of another name than their trigger's.
CALLED = {
    "projects_reserve_before_update": "projects_reserve_numbers",
    "projects_reserve_after_insert": "projects_reserve_numbers",
    "generations_activate_after_update": "generations_activate_completed",
    "generations_activate_after_insert": "generations_activate_completed",
}


def upgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        ddl.require(_sql("assert_every_row_is_seen"))
        ddl.offline_only(_sql("drop_invalid_indexes"))
        ddl.build_index(PROJECT_INDEX)
        ddl.build_index(WALK_INDEX)
        for table in COLUMNS:
            _add_columns(ddl, table)
        for table in COLUMNS:
            _require_values(ddl, table)
        ddl.build_index(ACTIVE_INDEX)
        _add_active_key(ddl)
        for function in FUNCTIONS:
            ddl.function(function, _sql(f"function_{function}"))
        for table, trigger in TRIGGERS:
            _create_trigger(ddl, table, trigger)
    ddl.require(_sql("assert_complete"))


def downgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        ddl = OnlineDdl(context)
        for function in reversed(FUNCTIONS):
            _drop_function(ddl, function)
        ddl.under_lock(
            f"dropping {ACTIVE_KEY.name}",
            _sql("drop_active_generation_key"),
            done=lambda catalog: not catalog.keys_of(ACTIVE_KEY),
        )
        ddl.drop_index(ACTIVE_INDEX.name, ACTIVE_INDEX.table)
        _drop_columns(ddl, "projects")
        _drop_columns(ddl, "generations")
        ddl.drop_index(WALK_INDEX.name, WALK_INDEX.table)
        ddl.drop_index(PROJECT_INDEX.name, PROJECT_INDEX.table)
    op.execute(_sql("assert_gone"))


def _sql(name: str) -> str:
    return read_sql(Path(__file__).parent / revision / f"{name}.sql")


def _add_columns(ddl: OnlineDdl, table: str) -> None:
    ddl.under_lock(
        f"adding columns to {table}",
        _sql(f"add_columns_to_{table}"),
        done=lambda catalog: catalog.has_columns(table, COLUMNS[table]),
    )


def _require_values(ddl: OnlineDdl, table: str) -> None:
    """What these columns have where they were added here, for columns that another revision has added.

    NULL would be met by triggers that reckon with a number, so every value has to be there before they are.
    """

    def required(catalog: Catalog) -> bool:
        not_null = {column.name for column in catalog.columns(table) if column.not_null}
        return not_null >= set(DEFAULTS[table])

    def checked(catalog: Catalog) -> bool:
        return required(catalog) or catalog.has_check(table, f"{table}_values_are_there") is not None

    def validated(catalog: Catalog) -> bool:
        return required(catalog) or catalog.has_check(table, f"{table}_values_are_there") is True

    ddl.mend(
        f"setting defaults of {table}",
        _sql(f"set_defaults_of_{table}"),
        done=lambda catalog: catalog.has_defaults(table, DEFAULTS[table]),
    )
    ddl.fill(table, _sql(f"fill_{table}"), done=required)
    ddl.mend(f"requiring values in {table}", _sql(f"check_values_of_{table}"), done=checked)
    # Once more: what was set to NULL by its name while the first walk went on. From the check on, nothing is.
    ddl.fill(table, _sql(f"fill_{table}"), done=validated)
    ddl.mend(f"validating values in {table}", _sql(f"validate_values_of_{table}"), done=validated)
    ddl.mend(f"setting NOT NULL in {table}", _sql(f"require_values_of_{table}"), done=required)


def _drop_columns(ddl: OnlineDdl, table: str) -> None:
    ddl.under_lock(
        f"dropping columns of {table}",
        _sql(f"drop_columns_of_{table}"),
        done=lambda catalog: catalog.lacks_columns(table, COLUMNS[table]),
    )


def _add_active_key(ddl: OnlineDdl) -> None:
    def there(catalog: Catalog) -> bool:
        return bool(catalog.keys_of(ACTIVE_KEY))

    def right(catalog: Catalog) -> bool:
        return all(key.does_what_is_needed(ACTIVE_KEY) for key in catalog.keys_of(ACTIVE_KEY))

    def serving(catalog: Catalog) -> dict[str, bool]:
        keys = catalog.keys_of(ACTIVE_KEY)
        return {key.name: key.validated and key.does_what_is_needed(ACTIVE_KEY) for key in keys}

    def renamed_serve(catalog: Catalog) -> bool:
        return all(serves for name, serves in serving(catalog).items() if name != ACTIVE_KEY.name)

    def serves(catalog: Catalog) -> bool:
        keys = serving(catalog)
        return bool(keys) and keys.get(ACTIVE_KEY.name, True)

    name = ACTIVE_KEY.name
    ddl.under_lock(f"adding {name}", _sql("add_active_generation_key"), done=there)
    ddl.mend(f"replacing what is there instead of {name}", _sql("replace_active_generation_key"), done=right)
    ddl.under_lock(f"validating {name}", _sql("validate_active_generation_key"), done=serves)
    ddl.mend(f"validating what is named otherwise than {name}", _sql("validate_renamed_key"), done=renamed_serve)


def _create_trigger(ddl: OnlineDdl, table: str, trigger: str) -> None:
    def done(catalog: Catalog) -> bool:
        return catalog.trigger_calls(table, trigger, CALLED.get(trigger, trigger))

    ddl.under_lock(f"creating trigger {trigger}", _sql(f"trigger_{trigger}"), done=done)


def _drop_function(ddl: OnlineDdl, function: str) -> None:
    ddl.under_lock(
        f"dropping function {function} and its triggers",
        _sql(f"drop_function_{function}"),
        done=lambda catalog: not catalog.has_function(function),
    )
