"""The programs that the demo runs: the ones that an operator types, as processes that end with the demo.

Each is a session of its own, so Ctrl-C reaches the demo alone, which then ends them in order; and each is on a leash
(see there) for the demo that is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from backfill.runs.errors import RunFailed, UsageError
from worker.demo.narration import sentence_of

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 5.0
LINES_KEPT = 100
LONGEST_LINE_BYTES = 1 << 20

Heard = Callable[[str], None]


class Child:
    """A running program. `words` is how an operator types it; `said` are its last lines on stderr."""

    def __init__(self, words: str, process: Process, heard: Heard | None) -> None:
        self.words = words
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self._process = process
        self._heard = heard
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    async def write_line(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - every child has one
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: whoever reads the answer is told
            self._process.stdin.write(f"{line}\n".encode())
            await self._process.stdin.drain()

    def close_input(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - every child has one
        self._process.stdin.close()

    async def read_line(self) -> str:
        """The next line of its stdout; RunFailed when it has ended instead."""
        assert self._process.stdout is not None  # noqa: S101 - every child has one
        line = await self._process.stdout.readline()
        if not line:
            raise self._failure(await self._end_of_it())
        return line.decode(errors="replace")

    async def succeed(self) -> str:
        """Its whole stdout, once it has ended and all that it said is heard; RunFailed when it did not end well."""
        assert self._process.stdout is not None  # noqa: S101 - every child has one
        output = await self._process.stdout.read()
        if code := await self._end_of_it():
            raise self._failure(code)
        return output.decode(errors="replace")

    async def must_run(self) -> None:
        """Raises RunFailed when it has ended."""
        if self._process.returncode is not None:
            raise self._failure(await self._end_of_it())

    async def kill(self) -> None:
        """With SIGKILL; returns when it is gone."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """With SIGTERM, and where that does not help with SIGKILL; of no effect on one that has ended."""
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(END_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        self._listening.cancel()

    async def _end_of_it(self) -> int:
        """The exit code, when its last line has been heard too."""
        code = await self._process.wait()
        await asyncio.wait([self._listening], timeout=END_SECONDS)
        return code

    def _failure(self, code: int) -> RunFailed:
        sentences = [line.removeprefix("error: ") for line in self.said if line.startswith("error: ")]
        last_words = (sentences or self.said or ["It said nothing."])[-1]
        return RunFailed(f"`{self.words}` ended with exit code {code}:", sentence_of(last_words, of="") or last_words)

    async def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - every child has one
        async for line in self._process.stderr:
            words = line.decode(errors="replace").rstrip()
            self.said.append(words)
            if self._heard is not None:
                self._heard(words)


class Children:
    """Starts programs in the checkout, all with one environment; `async with` ends them, the last one first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._started: list[Child] = []

    async def __aenter__(self) -> Self:
        if not (ROOT / "alembic" / "env.py").is_file():
            raise UsageError("The demo needs the migrations, and this installation has none.", "Use a checkout.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for child in reversed(self._started):
            await child.end()

    async def start(self, words: str, *options: str, heard: Heard | None = None) -> Child:
        """`words` is the command as it is typed, `options` what the demo adds; `heard` gets the lines of stderr."""
        program, *arguments = words.split()
        process = await asyncio.create_subprocess_exec(
            *_on_leash(program, *arguments, *options),
            cwd=ROOT,
            env=self._environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE_BYTES,
            start_new_session=True,
        )
        self._started.append(Child(words, process, heard))
        return self._started[-1]


def _on_leash(program: str, *arguments: str) -> list[str]:
    """Programs stand beside the interpreter that we run on, whatever PATH says."""
    beside_us = Path(sys.executable).with_name(program)
    return [sys.executable, "-m", "worker.demo.leash", str(os.getpid()), str(beside_us), *arguments]
