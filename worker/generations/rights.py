"""What the roles around a run have to be allowed, as data; docs/roles.sql gives it."""

from __future__ import annotations

from backfill.sql.privileges import Right, Rights

# Every statement in sql/ but those that write. Verification, planning and the preflight need no more.
READING = (
    Right(
        privilege="SELECT",
        table="projects",
        columns=("id", "created_at", "latest_version", "active_generation_id", "xmax"),
    ),
    Right(
        privilege="SELECT",
        table="generations",
        columns=("id", "project_id", "created_at", "status", "version", "storage_path", "is_active"),
    ),
)

# Locked rows are found again by their ctid. FOR NO KEY UPDATE wants UPDATE on any one column.
WRITING = (
    Right(privilege="SELECT", table="projects", columns=("ctid",)),
    Right(privilege="SELECT", table="generations", columns=("ctid",)),
    Right(privilege="UPDATE", table="projects", columns=("latest_version", "active_generation_id")),
    Right(privilege="UPDATE", table="generations", columns=("version", "storage_path", "is_active")),
)

# projects_latest_version_before_update is not among them: it has no statement, and a trigger's own rows need no right.
TRIGGER_FUNCTIONS = (
    "generations_number_before_insert",
    "generations_raise_after_insert",
    "generations_activate_completed",
    "generations_renumber_before_move",
    "projects_reserve_numbers",
)

# What the statements inside these functions read and write.
TRIGGERS = (
    Right(privilege="SELECT", table="projects", columns=("id", "latest_version", "active_generation_id", "xmin")),
    Right(privilege="UPDATE", table="projects", columns=("latest_version", "active_generation_id")),
    Right(
        privilege="SELECT",
        table="generations",
        columns=(
            *("id", "project_id", "created_at", "status", "version", "storage_path", "is_active"),
            *("xmin", "cmin"),
        ),
    ),
    Right(privilege="UPDATE", table="generations", columns=("is_active",)),
)

_NEW_PROJECT_COLUMNS = ("latest_version", "active_generation_id")
_NEW_GENERATION_COLUMNS = (
    "version",
    "version_name",
    "is_active",
    "storage_path",
    "file_count",
    "total_size_bytes",
    "diff_from_previous",
    "changes_summary",
)
NEXT_RELEASE = (
    Right(privilege="SELECT", table="projects", columns=_NEW_PROJECT_COLUMNS),
    Right(privilege="UPDATE", table="projects", columns=_NEW_PROJECT_COLUMNS),
    Right(privilege="SELECT", table="generations", columns=_NEW_GENERATION_COLUMNS),
    Right(privilege="INSERT", table="generations", columns=_NEW_GENERATION_COLUMNS),
    Right(privilege="UPDATE", table="generations", columns=_NEW_GENERATION_COLUMNS),
)

RIGHTS = Rights(
    reading=READING,
    writing=WRITING,
    inserts_into="generations",
    trigger_functions=TRIGGER_FUNCTIONS,
    triggers=TRIGGERS,
    next_release=NEXT_RELEASE,
)
