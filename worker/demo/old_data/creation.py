"""Fills a database at revision e011ab9dd223 with data as the application would have left it.

Everything is planned and written by the server, in a dozen set-based statements: first the sizes of the
projects, then the moments of their generations, then the rows in the order in which a live table would have
received them. Each number comes from a hash of (seed, row, purpose), so one seed always gives the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backfill.runs.errors import SchemaNotReady, UsageError, WrongState
from backfill.runs.wording import counted
from backfill.sql.files import load_sql

_MOST_PROJECTS = 2_000_000
_MOST_GENERATIONS = 20_000_000
_LARGEST_SEED = 2**31 - 1

_BEFORE_SHAPE = ("set_options", "function_draw", "function_pick", "function_key")
_AFTER_SHAPE = (
    "plan_projects",
    "plan_generations",
    "plan_papers",
    "index_papers",
    "plan_outputs",
    "index_outputs",
    "insert_users",
    "insert_organizations",
    "insert_members",
    "insert_projects",
    "insert_generations",
    "insert_artifacts",
    "drop_functions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldDataShape:
    """How much data, and how it is spread.

    `giant_share` of all generations belong to one project, `empty_share` of the projects have none. With
    `ties` many generations of a project, and many projects, have the same `created_at`; without, it differs
    within each project. Without `files` no generation has its output files, which are a third of a row, as where an
    application keeps them elsewhere. `newest` ends the data, `span` before it is where it begins: fixed times
    and not the clock's, so that a seed means the same rows tomorrow.
    """

    projects: int = 20_000
    generations: int = 200_000
    giant_share: float = 0.05
    empty_share: float = 0.03
    ties: bool = False
    files: bool = True
    seed: int = 1
    newest: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    span: timedelta = timedelta(days=730)

    @property
    def size(self) -> str:
        return f"{counted(self.generations, 'generation')} in {counted(self.projects, 'project')}"

    def __post_init__(self) -> None:
        mistakes = [mistake for mistake, found in self._mistakes().items() if found]
        if mistakes:
            raise UsageError(f"The old data cannot have this shape: {'; '.join(mistakes)}.")

    def _mistakes(self) -> dict[str, bool]:
        return {
            f"projects must be between 0 and {_MOST_PROJECTS}": not 0 <= self.projects <= _MOST_PROJECTS,
            f"generations must be between 0 and {_MOST_GENERATIONS}": not 0 <= self.generations <= _MOST_GENERATIONS,
            "generations need at least one project": self.projects == 0 and self.generations > 0,
            "giant_share must be between 0 and 1": not 0 <= self.giant_share <= 1,
            "empty_share must be at least 0 and less than 1": not 0 <= self.empty_share < 1,
            f"seed must be between 0 and {_LARGEST_SEED}": not 0 <= self.seed <= _LARGEST_SEED,
            "newest must have a time zone": self.newest.tzinfo is None,
            "span must be at least a day": self.span < timedelta(days=1),
        }


async def create_old_data(engine: AsyncEngine, shape: OldDataShape) -> None:
    """Writes the data in one transaction, then vacuums and analyzes; about 10 s for 200 000 generations.

    The engine's command timeout bounds the largest statement, so for more rows it should have none.
    SchemaNotReady without the tables; WrongState when they are migrated already or not empty.
    """
    async with engine.begin() as connection:
        await _refuse_unless_ready(connection)
        for name in _BEFORE_SHAPE:
            await connection.exec_driver_sql(_sql(name))
        await connection.execute(text(_sql("plan_shape")), _parameters(shape))
        for name in _AFTER_SHAPE:
            await connection.exec_driver_sql(_sql(name))
    async with engine.connect() as connection:
        outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await outside.exec_driver_sql(_sql("vacuum"))


async def _refuse_unless_ready(connection: AsyncConnection) -> None:
    state = (await connection.exec_driver_sql(_sql("read_state"))).one()
    if not state.has_tables:
        raise SchemaNotReady(
            "The database does not have the application's tables.", "Run `alembic upgrade e011ab9dd223`."
        )
    if state.is_migrated:
        raise WrongState(
            "The database is migrated already, so old data cannot be written into it.",
            "Use a database at revision e011ab9dd223.",
        )
    if (await connection.exec_driver_sql(_sql("has_rows"))).scalar_one():
        raise WrongState("The database has users or projects already.", "Old data is written into empty tables only.")


def _parameters(shape: OldDataShape) -> dict[str, object]:
    return {
        "projects": shape.projects,
        "generations": shape.generations,
        "giant_share": shape.giant_share,
        "empty_share": shape.empty_share,
        "ties": shape.ties,
        "files": shape.files,
        "seed": shape.seed,
        "newest": shape.newest,
        "span": shape.span,
    }


def _sql(name: str) -> str:
    return load_sql("worker.demo.old_data", f"sql/{name}.sql")
