"""A definition with parameters, a version and hooks, for processes: BACKFILL_DEFINITIONS=tests.support.parametric.

It is the shipped backfill, and notes every plan with what it was bound with in the table `bound`. DEFINITION_VERSION is
the version that a process has of it. The hooks write a line to the file HOOKS_LOG; HOOKS_FAIL names one that raises.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.definitions import Definition, Hooks
from backfill.runs.ranges import Plan
from backfill.runs.record import Run
from backfill.sql.transactions import Limits
from worker.generations.backfill import GenerationVersions

NAME = "by-country"
PLACE = "tests.support.parametric"
VERSION = os.environ.get("DEFINITION_VERSION", "1")
SECRET = "alice@example.com"


class Parameters(BaseModel):
    country: Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["AT"], description="Two letters, as in ISO 3166")]
    since: date = date(2026, 1, 1)
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    mode: Literal["all", "missing"] = "all"
    dry: bool = False


class ByCountry(GenerationVersions):
    name = NAME

    def __init__(self, engine: AsyncEngine, limits: Limits, parameters: Parameters) -> None:
        super().__init__(engine, limits)
        self._parameters = parameters

    async def plan(self, ranges: int) -> Plan:
        async with self.engine.begin() as connection:
            await connection.execute(
                text("INSERT INTO bound VALUES (:country, :version, :pid)"),
                {"country": self._parameters.country, "version": VERSION, "pid": os.getpid()},
            )
        return await super().plan(ranges)


def _fail(name: str) -> None:
    if os.environ.get("HOOKS_FAIL") == name:
        raise LookupError(f"no such customer: {SECRET}")


async def after_start(run: Run) -> None:
    _write("after_start", run)


def after_pause(run: Run) -> None:
    _write("after_pause", run)


async def after_success(run: Run) -> None:
    _write("after_success", run)


def after_cancel(run: Run) -> None:
    _write("after_cancel", run)


def _write(hook: str, run: Run) -> None:
    if log := os.environ.get("HOOKS_LOG"):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{hook} {run.id} {run.state} {run.parameters['country']} {os.getpid()}\n")
    _fail(hook)


BY_COUNTRY = Definition(
    name=NAME,
    about="Numbers the generations of a country.",
    bind=ByCountry,
    parameters=Parameters,
    version=VERSION,
    hooks=Hooks(
        after_start=after_start, after_pause=after_pause, after_success=after_success, after_cancel=after_cancel
    ),
)
