"""A worker process for a test to kill: the library's own, for the module that the definition is in."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from backfill.settings import Settings

COMMAND = ("-m", "arq", "backfill.worker.WorkerSettings")
LOOK_EVERY_SECONDS = 0.01
LAST_BYTES = 2_000


class Worker:
    """Ended with its block, however that ends."""

    def __init__(self, settings: Settings, definition: Any, folder: Path) -> None:
        module = sys.modules[_module_of(definition)]
        self._environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
            "REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else "",
            "BACKFILL_REDIS_PREFIX": settings.redis_prefix,
            "BACKFILL_LEASE_SECONDS": str(settings.lease_seconds),
            "BACKFILL_DEFINITIONS": module.__name__,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._folder = folder
        self._log: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed with the block
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *COMMAND,
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._kill()
        self._log.close()

    async def kill_when(self, has_begun: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """AssertionError with what it said where it ends before, or takes longer."""
        try:
            async with asyncio.timeout(seconds):
                while not await has_begun():
                    assert self._process is not None
                    assert self._process.returncode is None, f"the worker ended by itself:\n{self._said()}"
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
        except TimeoutError:
            raise AssertionError(f"the worker wrote nothing in {seconds:g} s:\n{self._said()}") from None
        await self._kill()

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read()[-LAST_BYTES:].decode("utf-8", "replace")


def _module_of(definition: Any) -> str:
    function = getattr(definition, "function", None)
    place = getattr(getattr(function, "function", None), "__module__", None) or getattr(definition, "__module__", None)
    return str(place or type(definition).__module__)
