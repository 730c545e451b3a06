"""A set-based definition whose rows and values follow from the parameters of the run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Columns
from backfill.definitions.mistakes import AuthorsMistake
from backfill.runs.states import State
from tests.support.defined import LIMITS, create, to_its_end
from tests.support.in_process import InProcessRun, in_process_run
from tests.support.keyed_tables import KINDS

TABLE = KINDS["integer"].table


class Marked(BaseModel):
    above: int
    mark: str = "seen"


class MarkAbove(Columns):
    """Marks the rows above a number."""

    Parameters = Marked
    table = TABLE
    kept_by = "frozen"
    where = lambda p: TABLE.columns.id > p.above  # noqa: E731 - as an author writes it
    sets = {TABLE.columns.done: lambda p: func.concat(p.mark, TABLE.columns.id)}


@pytest.fixture
async def run(redis_url: str) -> AsyncIterator[InProcessRun]:
    async with in_process_run(redis_url) as opened:
        yield opened


async def test_a_run_writes_and_verifies_what_its_parameters_say(
    engine: AsyncEngine, sql: asyncpg.Connection, run: InProcessRun
) -> None:
    await create(sql, KINDS["integer"])
    definition = MarkAbove.definition()

    ended = await to_its_end(run, definition.bound(engine, LIMITS, Marked(above=100, mark="m")))

    written = await sql.fetchval("SELECT count(*) FROM by_integer WHERE id > 100")
    right = await sql.fetchval(
        "SELECT count(*) FROM by_integer WHERE done IS NOT DISTINCT FROM CASE WHEN id > 100 THEN 'm' || id END"
    )
    assert (ended.state, ended.counts.rows_written, right) == (State.SUCCEEDED, written, 250)
    assert definition.parameters is Marked


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"where": lambda p: TABLE.columns.id > p.above}, "where"),
        ({"sets": lambda p: {TABLE.columns.done: p.mark}}, "sets"),
    ],
)
def test_a_trigger_cannot_keep_right_what_follows_from_parameters(changed: dict[str, Any], name: str) -> None:
    made = {"__doc__": "x", "table": TABLE, "Parameters": Marked, "sets": {TABLE.columns.done: "x"}, **changed}

    with pytest.raises(AuthorsMistake, match=f"does not know the parameters of a run, of which {name} is a function"):
        type("ByTrigger", (Columns,), made)
