"""What an application notices of less than a run: of a process that only computes, and of a server that only writes.

Computing, 5 ms of every 20, as the autopilot's least lane works: no statement, no lock, nothing to flush. Whatever the
application's p99 becomes by this alone is the wait for a core that is busy. Writing: the same rows set to constants by
a loop in the server, about fifty to a commit. Nobody who writes as many can be noticed much less.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import asyncpg

from benchmarks.databases import sql

AT_WORK_MS, AT_REST_MS = 5, 15
ROWS_PER_SECOND, PAGES_TO_A_COMMIT = 5_000, 8
_COMPUTE = """
import sys, time
work, rest = (float(given) / 1000 for given in sys.argv[1:])
while True:
    until = time.perf_counter() + work
    while time.perf_counter() < until:
        pass
    time.sleep(rest)
"""


async def compute(seconds: float) -> None:
    """In a process of its own, for so long."""
    arguments = ("-c", _COMPUTE, str(AT_WORK_MS), str(AT_REST_MS))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=asyncio.subprocess.DEVNULL)
    try:
        await asyncio.sleep(seconds)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def write(database_url: str) -> None:
    """Until every row that is there is written."""
    statement = sql("write_at_a_rate").format(pages=PAGES_TO_A_COMMIT, rows_per_second=ROWS_PER_SECOND)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
