"""The rules that verification checks."""

from __future__ import annotations

from backfill.runs.findings import Rule

SCHEMA_RULES = (
    Rule(slug="columns", title="The new columns exist with their types and defaults", on_schema=True),
    Rule(
        slug="foreign_key",
        title="The foreign key of the active generation is valid and sets NULL on delete",
        on_schema=True,
    ),
    Rule(slug="indexes", title="The indexes exist and are valid", on_schema=True),
    Rule(slug="triggers", title="The sync triggers exist and are enabled", on_schema=True),
    Rule(slug="statistics", title="The planner does not take a large table for empty", is_error=False, on_schema=True),
)

DATA_RULES = (
    Rule(slug="unassigned", title="Every generation has its version and storage path"),
    Rule(slug="blank_storage_path", title="No storage path is empty"),
    Rule(slug="duplicate_versions", title="No version occurs twice in a project"),
    Rule(slug="version_below_one", title="Versions begin at 1"),
    Rule(slug="latest_version_too_low", title="latest_version is at least the highest version of the project"),
    Rule(slug="active_mismatch", title="is_active is set on exactly the project's active generation"),
    Rule(slug="active_of_another_project", title="The active generation belongs to the project"),
    Rule(slug="gaps", title="Versions are 1, 2, 3, ... without gaps", is_error=False),
    Rule(slug="inversions", title="Versions follow created_at", is_error=False),
    Rule(
        slug="completed_but_none_active",
        title="Projects with a completed generation have an active one",
        is_error=False,
    ),
    Rule(slug="active_not_completed", title="The active generation is a completed one", is_error=False),
)

RULES = SCHEMA_RULES + DATA_RULES
