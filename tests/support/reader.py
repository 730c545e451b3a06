"""A reader who follows a page: types every line of its blocks in their order, on the test's servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Collection, Mapping, Sequence

import asyncpg

from tests.support.commands import Spawned, run_command
from tests.support.documents import Page, words_of
from tests.support.waiting import wait_until

# What goes on until it is told to end, with the words by which it says that it is there.
GOES_ON = {("arq",): "worker ready", ("backfill", "serve"): "listening on "}
# Not every machine has these; where one is missing, its lines are left out.
NOT_EVERYWHERE = frozenset({"curl", "jq"})
OWN_PROGRAMS = ".venv/bin/"
PORT_IN_PAGES = "127.0.0.1:8080"
LINE_SECONDS = 120.0


def begins_with(command: str, first: Sequence[str]) -> bool:
    return words_of(command)[: len(first)] == list(first)


class Reader:
    """Gives what goes on a terminal of its own, and finds servers and programs where `env` says.

    `spawn` starts a process beside the test. `exit_codes` are those that a page announces, by the line typed; of every
    other line it is 0.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        spawn: Callable[..., Spawned],
        *,
        exit_codes: Mapping[str, Collection[int]] | None = None,
    ) -> None:
        self._env = dict(env)
        self._spawn = spawn
        self._exit_codes = exit_codes or {}
        self._beside: list[Spawned] = []

    async def follow(self, page: Page, *, leave_out: Callable[[str], bool] = lambda _line: False) -> None:
        """`leave_out` says whether a line is another test's."""
        for fence in page.fences:
            if fence.language == "sql":
                await self._ask_postgres(fence.text)
            for line in fence.lines_to_type():
                if not leave_out(line):
                    await self.type(line)

    async def type(self, line: str) -> None:
        words = words_of(line)
        waited_for = next((said for first, said in GOES_ON.items() if begins_with(line, first)), None)
        if words[0] == "export":
            self._export(words[1:])
        elif waited_for is not None:
            await self._start(words, waited_for)
        else:
            if begins_with(line, ("alembic", "downgrade")):
                await self.stop()
            await asyncio.to_thread(self._run, line)

    async def stop(self) -> None:
        """What goes on, as an operator stops it; it ends in order."""
        for one in reversed(self._beside):
            one.kill(signal.SIGTERM)
            assert await asyncio.to_thread(one.wait) == 0, one.log
        self._beside.clear()

    def _export(self, assignments: Sequence[str]) -> None:
        """A setting is taken as the page gives it; where things are, the test knows better."""
        given = dict(one.split("=", 1) for one in assignments)
        self._env |= {name: value for name, value in given.items() if name.startswith("BACKFILL_")}
        assert given.keys() <= self._env.keys(), f"the test has no value for {given.keys() - self._env.keys()}"

    async def _start(self, words: Sequence[str], waited_for: str) -> None:
        started = self._spawn(*words, env=self._env)
        await wait_until(lambda: waited_for in started.log or started.exit_code is not None, 30.0)
        assert started.exit_code is None, f"{words}: {started.log}"
        self._beside.append(started)

    def _run(self, line: str) -> None:
        if any(word in NOT_EVERYWHERE and shutil.which(word) is None for word in words_of(line)):
            return
        own_port = f"127.0.0.1:{self._env.get('BACKFILL_HTTP_PORT', '8080')}"
        typed = line.replace(OWN_PROGRAMS, "").replace(PORT_IN_PAGES, own_port)
        done = run_command("bash", "-euo", "pipefail", "-c", typed, env=self._env, timeout=LINE_SECONDS)
        expected = self._exit_codes.get(line, (os.EX_OK,))
        assert done.returncode in expected, f"{line}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"

    async def _ask_postgres(self, statement: str) -> None:
        connection = await asyncpg.connect(self._env["DATABASE_URL"])
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
