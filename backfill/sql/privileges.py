"""The rights that the roles around a run need on columns, and which of them are missing, with the GRANTs.

Three kinds of roles. The one that this process works as: all of them read, and only a worker writes. The one
with whose rights live writes are kept right: the owner of the sync triggers' functions, or, where these are not
SECURITY DEFINER, the application itself. And the application's: today's release needs no right on the new
columns, the next one does, so that what it lacks is a warning.

Rights on columns are not enough where row-level security is on: a role that a policy applies to reads a part of the
table and believes that it was all. The first two kinds have to see every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.runs.findings import READ_ONLY_RULE, Finding
from backfill.sql.database import why_read_only
from backfill.sql.folder import QUERIES
from backfill.sql.tables import PUBLIC, TableName, as_parameters

RULE = "privileges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One right on some columns of one table."""

    privilege: str
    table: str
    columns: tuple[str, ...]
    schema: str = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a backfill needs to be allowed.

    `reading` is what its statements read that do not write, `writing` what the others need besides. Live writes are
    those that insert into `inserts_into`; `triggers` is what the sync triggers' functions, `trigger_functions`, read
    and write, and `next_release` what the release needs that uses the new columns. Table and functions are in `schema`.
    """

    reading: tuple[Right, ...]
    writing: tuple[Right, ...]
    inserts_into: str
    trigger_functions: tuple[str, ...] = ()
    triggers: tuple[Right, ...] = ()
    next_release: tuple[Right, ...] = ()
    schema: str = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What a kind of live writer needs; `words` is how it is spoken of."""

    words: str
    needs: tuple[Right, ...]
    is_error: bool = True

    @property
    def tables(self) -> list[TableName]:
        """Those of which it must see every row; what the next release reads, its policies may restrict."""
        if not self.is_error:
            return []
        return list(dict.fromkeys(TableName(name=need.table, schema=need.schema) for need in self.needs))


def _live_writers(rights: Rights) -> Mapping[str, _Part]:
    inserts = f"the role {{}}, which inserts {rights.inserts_into}, lacks {{}}"
    return {
        "owner": _Part(words="the role {}, which the sync triggers work as, lacks {}", needs=rights.triggers),
        "invoker": _Part(words=f"{inserts} for the sync triggers", needs=rights.triggers),
        "application": _Part(
            words=f"{inserts}: the next release will need it", needs=rights.next_release, is_error=False
        ),
    }


async def missing_privileges(connection: AsyncConnection, rights: Rights, *, writes: bool) -> tuple[Finding, ...]:
    """One finding for each role that lacks something; `writes`: this process is going to settle units."""
    role: str = (await QUERIES.run(connection, "current_role", {})).scalar_one()
    own = _Part(words="the role {} lacks {}", needs=rights.reading + rights.writing if writes else rights.reading)
    found = [await _lacking(connection, role, own)]
    who = {"functions": list(rights.trigger_functions), "table": rights.inserts_into, "schema": rights.schema}
    kinds = _live_writers(rights)
    writers = (await QUERIES.run(connection, "live_writers", who)).all()
    found += [await _lacking(connection, writer.name, kinds[writer.kind]) for writer in writers]
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
    if not part.needs:
        return None
    missing = [
        *await QUERIES.run(connection, "missing_privileges", {"role": role, **_columns_of(part.needs)}),
        *await QUERIES.run(connection, "hidden_rows", {"role": role, **as_parameters(part.tables)}),
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


def _columns_of(needs: Iterable[Right]) -> dict[str, Sequence[str]]:
    """One entry per column in three lists of the same length, as `unnest` takes them."""
    flat = [(need.schema, need.table, column, need.privilege) for need in needs for column in need.columns]
    schemas, tables, columns, privileges = map(list, zip(*flat, strict=True))
    return {"schemas": schemas, "tables": tables, "columns": columns, "privileges": privileges}
