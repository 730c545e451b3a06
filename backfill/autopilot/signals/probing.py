"""The probe: how long a small transaction takes on the server, again and again, in a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from backfill.autopilot.signals.asking import QUERIES

PREFIX = "backfill.probe "
ANSWER_SECONDS = 2.0


class Probe:
    """`take` answers with milliseconds. Raises whatever the driver does."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._statement = QUERIES.statement("probe").text

    def hear(self, _: object, message: Any) -> None:
        if message.message.startswith(PREFIX) and not self._heard.done():
            self._heard.set_result(float(message.message.removeprefix(PREFIX)))

    async def take(self) -> float:
        self._heard = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._driver.execute(self._statement)
            return await self._heard


@asynccontextmanager
async def opened_probe(engine: AsyncEngine) -> AsyncIterator[Probe]:
    """On a connection of `engine` that is kept for as long as the block lasts, and given up after it."""
    connection = await engine.connect()
    try:
        driver = (await connection.get_raw_connection()).driver_connection
        probe = Probe(driver)
        driver.add_log_listener(probe.hear)  # type: ignore[union-attr]
        yield probe
    finally:
        await connection.invalidate()
        await connection.close()
