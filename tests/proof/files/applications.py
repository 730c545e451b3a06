"""The file application in processes of its own, each with its share of the projects."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import REPOSITORY
from worker.demo.file_application import Account

START_SECONDS, STOP_SECONDS = 300.0, 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What came of it all: the account, and what every generation's files have to hold."""

    account: Account
    ledger: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Applications:
    processes: list[Process]
    ledgers: list[Path]

    @classmethod
    async def start(cls, root: Path, env: Mapping[str, str], folder: Path, *options: str, shares: int) -> Applications:
        """Returns when all of them have made their ledgers and are at work."""
        ledgers = [folder / f"ledger-{share}.json" for share in range(shares)]
        command = (sys.executable, "-m", "worker.demo.file_application", f"--root={root}", f"--shares={shares}")
        processes = [
            await asyncio.create_subprocess_exec(
                *(*command, f"--share={share}", f"--ledger={ledger}", *options),
                env=dict(env),
                cwd=REPOSITORY,
                stdin=PIPE,
                stdout=PIPE,
            )
            for share, ledger in enumerate(ledgers)
        ]
        started = cls(processes, ledgers)
        try:
            async with asyncio.timeout(START_SECONDS):
                for process in processes:
                    await started._hear(process, "started")
        except BaseException:
            started.end()
            raise
        return started

    async def stop(self) -> Stopped:
        accounts = []
        async with asyncio.timeout(STOP_SECONDS):
            for process in self.processes:
                assert process.stdin is not None
                process.stdin.close()
            for process in self.processes:
                accounts.append(Account.of((await self._hear(process, "stopped"))["account"]))
                assert await process.wait() == 0
        ledger: dict[str, Any] = {}
        for path in self.ledgers:
            ledger |= json.loads(path.read_text(encoding="utf-8"))
        return Stopped(account=Account.sum(accounts), ledger=ledger)

    def end(self) -> None:
        """Of no effect on those that have ended."""
        for process in self.processes:
            if process.returncode is None:
                process.kill()

    async def _hear(self, process: Process, event: str) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert line, f"the file application ended with {await process.wait()}"
        said: dict[str, Any] = json.loads(line)
        assert said["event"] == event
        return said
