"""What an application notices of a process beside it that only computes: no statement, no lock, nothing to flush.

5 ms of every 20, as the autopilot's least lane works. Whatever the application's p99 becomes by this alone is the wait
for a core that is busy, and the floor for everything that takes as much of the machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

AT_WORK_MS, AT_REST_MS = 5, 15
_COMPUTE = """
import sys, time
work, rest = (float(given) / 1000 for given in sys.argv[1:])
while True:
    until = time.perf_counter() + work
    while time.perf_counter() < until:
        pass
    time.sleep(rest)
"""


@asynccontextmanager
async def computing() -> AsyncIterator[None]:
    """For as long as the block lasts."""
    arguments = ("-c", _COMPUTE, str(AT_WORK_MS), str(AT_REST_MS))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=asyncio.subprocess.DEVNULL)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
