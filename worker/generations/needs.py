"""The schema that the backfill relies on, as data.

It is looked at object by object and not by revision number: a trigger that somebody disabled does not change the
number, and a database may have come to these columns by another revision than the one here.
"""

from __future__ import annotations

from backfill.sql.needs import ColumnNeed, IndexNeed, KeyNeed, Needs, Revision, TriggerNeed

_KEY_TYPE = "character varying(36)"

NEEDS = Needs(
    revision=Revision(id="39e7f45c72f1", before="e011ab9dd223", adds=("generations", "storage_path")),
    columns=(
        ColumnNeed(table="projects", name="id", type=_KEY_TYPE, not_null=True, is_read=True),
        ColumnNeed(table="projects", name="created_at", type="timestamp with time zone", not_null=True, is_read=True),
        ColumnNeed(table="projects", name="latest_version", type="integer", not_null=True, default="0", is_read=True),
        ColumnNeed(table="projects", name="active_generation_id", type=_KEY_TYPE, is_read=True),
        ColumnNeed(table="generations", name="id", type=_KEY_TYPE, not_null=True, is_read=True),
        ColumnNeed(table="generations", name="project_id", type=_KEY_TYPE, not_null=True, is_read=True),
        ColumnNeed(
            table="generations", name="created_at", type="timestamp with time zone", not_null=True, is_read=True
        ),
        ColumnNeed(table="generations", name="status", type="character varying(20)", not_null=True, is_read=True),
        ColumnNeed(table="generations", name="version", type="integer", not_null=True, default="1", is_read=True),
        ColumnNeed(table="generations", name="version_name", type="character varying(50)"),
        ColumnNeed(table="generations", name="is_active", type="boolean", not_null=True, default="false", is_read=True),
        ColumnNeed(table="generations", name="storage_path", type="character varying(500)", is_read=True),
        ColumnNeed(table="generations", name="file_count", type="integer", not_null=True, default="0"),
        ColumnNeed(table="generations", name="total_size_bytes", type="integer"),
        ColumnNeed(table="generations", name="diff_from_previous", type="text"),
        ColumnNeed(table="generations", name="changes_summary", type="json"),
    ),
    keys=(
        KeyNeed(
            name="fk_projects_active_generation",
            table="projects",
            column="active_generation_id",
            to_table="generations",
            to_column="id",
            on_delete="SET NULL",
        ),
    ),
    indexes=(
        IndexNeed(
            name="ix_generations_project_id_created_at_id",
            table="generations",
            columns=("project_id", "created_at", "id"),
        ),
        IndexNeed(name="ix_projects_created_at_id", table="projects", columns=("created_at", "id")),
        IndexNeed(
            name="ix_projects_active_generation_id",
            table="projects",
            columns=("active_generation_id",),
            where="active_generation_id IS NOT NULL",
        ),
    ),
    triggers=(
        TriggerNeed(
            table="generations",
            name="generations_number_before_insert",
            function="generations_number_before_insert",
        ),
        TriggerNeed(
            table="generations",
            name="generations_raise_after_insert",
            function="generations_raise_after_insert",
        ),
        TriggerNeed(
            table="generations",
            name="generations_activate_after_insert",
            function="generations_activate_completed",
        ),
        TriggerNeed(
            table="generations",
            name="generations_activate_after_update",
            function="generations_activate_completed",
        ),
        TriggerNeed(
            table="generations",
            name="generations_renumber_before_move",
            function="generations_renumber_before_move",
        ),
        TriggerNeed(
            table="projects",
            name="projects_latest_version_before_update",
            function="projects_latest_version_before_update",
        ),
        TriggerNeed(
            table="projects",
            name="projects_reserve_before_update",
            function="projects_reserve_numbers",
        ),
        TriggerNeed(
            table="projects",
            name="projects_reserve_after_insert",
            function="projects_reserve_numbers",
        ),
    ),
)
