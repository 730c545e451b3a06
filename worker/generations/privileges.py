"""The rights that the roles around a run need on columns, and which of them are missing, with the GRANTs.

Three kinds of roles. The one that this process works as: all of them read, and only a worker writes. The one
with whose rights live writes are numbered: the owner of the sync triggers' functions, or, where these are not
SECURITY DEFINER, the application itself. And the application's: today's release needs no right on the new
columns, the next one does, so that what it lacks is a warning. docs/roles.sql gives what is named here.

Rights on columns are not enough where row-level security is on: a role that a policy applies to reads a part of the
table and believes that it was all. The first two kinds have to see every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.findings import READ_ONLY_RULE, Finding
from backfill.sql.database import why_read_only
from worker.generations.transactions import run_sql

RULE = "privileges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One right on some columns of one table in schema public."""

    privilege: str
    table: str
    columns: tuple[str, ...]


# Every statement in sql/ but those that write. Verification, planning and the preflight need no more.
READING = (
    Need(privilege="SELECT", table="projects", columns=("id", "created_at", "latest_version", "active_generation_id")),
    Need(
        privilege="SELECT",
        table="generations",
        columns=("id", "project_id", "created_at", "status", "version", "storage_path", "is_active"),
    ),
)

# Locked rows are found again by their ctid. FOR NO KEY UPDATE wants UPDATE on any one column.
WRITING = (
    Need(privilege="SELECT", table="projects", columns=("ctid",)),
    Need(privilege="SELECT", table="generations", columns=("ctid",)),
    Need(privilege="UPDATE", table="projects", columns=("latest_version", "active_generation_id")),
    Need(privilege="UPDATE", table="generations", columns=("version", "storage_path", "is_active")),
)

# projects_latest_version_before_update is not among them: it has no statement, and a trigger's own rows need no right.
TRIGGER_FUNCTIONS = (
    "generations_number_before_insert",
    "generations_activate_completed",
    "generations_renumber_before_move",
    "projects_reserve_numbers",
)

# What the statements inside these functions read and write.
TRIGGERS = (
    Need(privilege="SELECT", table="projects", columns=("id", "latest_version", "active_generation_id", "xmin")),
    Need(privilege="UPDATE", table="projects", columns=("latest_version", "active_generation_id")),
    Need(
        privilege="SELECT",
        table="generations",
        columns=("id", "project_id", "created_at", "version", "storage_path", "is_active"),
    ),
    Need(privilege="UPDATE", table="generations", columns=("is_active",)),
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
    Need(privilege="SELECT", table="projects", columns=_NEW_PROJECT_COLUMNS),
    Need(privilege="UPDATE", table="projects", columns=_NEW_PROJECT_COLUMNS),
    Need(privilege="SELECT", table="generations", columns=_NEW_GENERATION_COLUMNS),
    Need(privilege="INSERT", table="generations", columns=_NEW_GENERATION_COLUMNS),
    Need(privilege="UPDATE", table="generations", columns=_NEW_GENERATION_COLUMNS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What a kind of live writer needs; `words` is how it is spoken of."""

    words: str
    needs: tuple[Need, ...]
    is_error: bool = True

    @property
    def tables(self) -> list[str]:
        """Those of which it must see every row; what the next release reads, its policies may restrict."""
        return sorted({need.table for need in self.needs}) if self.is_error else []


_LIVE_WRITERS: Mapping[str, _Part] = {
    "owner": _Part(words="the role {}, which the sync triggers work as, lacks {}", needs=TRIGGERS),
    "invoker": _Part(words="the role {}, which inserts generations, lacks {} for the sync triggers", needs=TRIGGERS),
    "application": _Part(
        words="the role {}, which inserts generations, lacks {}: the next release will need it",
        needs=NEXT_RELEASE,
        is_error=False,
    ),
}


async def missing_privileges(connection: AsyncConnection, *, writes: bool) -> tuple[Finding, ...]:
    """One finding for each role that lacks something; `writes`: this process is going to settle units."""
    role: str = (await run_sql(connection, "current_role", {})).scalar_one()
    own = _Part(words="the role {} lacks {}", needs=READING + WRITING if writes else READING)
    found = [await _lacking(connection, role, own)]
    writers = (await run_sql(connection, "live_writers", {"functions": list(TRIGGER_FUNCTIONS)})).all()
    found += [await _lacking(connection, writer.name, _LIVE_WRITERS[writer.kind]) for writer in writers]
    return tuple(finding for finding in found if finding is not None)


async def closed_to_writes(connection: AsyncConnection, place: str, *, writes: bool) -> tuple[Finding, ...]:
    """A database that takes no writes: an error for who is going to settle units. Who only reads may have a login that
    writes nothing, on purpose; what holds for everybody is said."""
    found = await why_read_only(connection)
    if found is None or (found.own and not writes):
        return ()
    about = (f"{place} {found.why}",)
    return (Finding(rule=READ_ONLY_RULE, is_error=writes, count=1, examples=about, remedy=found.remedy),)


async def _lacking(connection: AsyncConnection, role: str, part: _Part) -> Finding | None:
    missing = [
        *await run_sql(connection, "missing_privileges", {"role": role, **_columns_of(part.needs)}),
        *await run_sql(connection, "hidden_rows", {"role": role, "tables": part.tables}),
    ]
    if not missing:
        return None
    return Finding(
        rule=RULE,
        is_error=part.is_error,
        count=len(missing),
        examples=tuple(part.words.format(role, row.privilege) for row in missing),
        remedy=" ".join(dict.fromkeys(row.remedy for row in missing)),
    )


def _columns_of(needs: Iterable[Need]) -> dict[str, Sequence[str]]:
    """One entry per column in three lists of the same length, as `unnest` takes them."""
    flat = [(need.table, column, need.privilege) for need in needs for column in need.columns]
    tables, columns, privileges = zip(*flat, strict=True)
    return {"tables": list(tables), "columns": list(columns), "privileges": list(privileges)}
