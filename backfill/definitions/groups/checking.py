"""Verification: the author's statement sees some units in one view, so that no live write can look like a breach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from backfill.definitions.mistakes import AuthorsMistake
from backfill.definitions.walk.keys import unit_id
from backfill.engine.protocols import CheckedPage
from backfill.runs.findings import EXAMPLES_KEPT, Finding
from backfill.runs.ranges import Key
from backfill.sql.plans import walk_in_order

if TYPE_CHECKING:
    from backfill.definitions.groups.groups import Groups


async def check(
    backfill: Groups, connection: AsyncConnection, bounds: tuple[Key | None, Key | None], *, units: int
) -> CheckedPage:
    """The next `units` units. Those that break a rule and have rows left to do can be mended by settling them."""
    await walk_in_order(connection)
    columns: Sequence[Sequence[str] | None] = (
        await backfill.queries.run(connection, "read_keys", {"bounds": bounds, "units": units})
    ).one()
    keys: list[Key] = list(zip(*(column or [] for column in columns[:-1]), strict=True))
    if not keys:
        return CheckedPage(units=0, last_key=None, findings=())
    ids = [backfill.declaration().walk.id_of(key) for key in keys]
    found: dict[str, list[str]] = {}
    for row in await backfill.queries.run(connection, "check", backfill.named(ids)):
        found.setdefault(row[0], []).append(unit_id(row[1:]))
    broken = sorted({unit for units_found in found.values() for unit in units_found})
    left = await backfill.units_in(connection, broken, row_cap=1) if broken else ()
    return CheckedPage(
        units=len(ids),
        last_key=keys[-1] if len(ids) == units else None,
        findings=tuple(_findings(backfill, found)),
        mendable=tuple(unit.id for unit in left if unit.needs_work),
    )


def _findings(backfill: Groups, found: Mapping[str, list[str]]) -> Iterator[Finding]:
    known = {rule.slug: rule for rule in backfill.rules if not rule.on_schema}
    for slug, units in found.items():
        if slug not in known:
            what = f"check.sql names a rule {slug!r} that is not in it"
            raise AuthorsMistake(f"{type(backfill).__name__}.checks", what)
        examples = tuple(dict.fromkeys(units))[:EXAMPLES_KEPT]
        yield Finding(rule=slug, is_error=known[slug].is_error, count=len(units), examples=examples)
