"""The workers of a round and their supervisor, which does what docs/operations.md asks of one: a worker that ends by
itself is started again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.proof.campaign.ledger import Ledger
from tests.support.commands import Spawned, spawn
from tests.support.runs import WORKER
from tests.support.waiting import wait_until

READY = "worker ready"
UNREACHABLE = 7
START_SECONDS = 90.0
LEAVE_SECONDS = 120.0
A_ROUND_SECONDS = 3600.0
LAST_LINES = 12


class Workforce:
    """`wrong` gets the ends that no supervisor should see, and the tracebacks, when all have been ended."""

    def __init__(self, env: Mapping[str, str], logs: Path, ledger: Ledger, wrong: list[str]) -> None:
        self._env = env
        self._logs = logs
        self._ledger = ledger
        self._wrong = wrong
        self._numbers = count(1)
        self._all: list[Spawned] = []
        self._at_work: list[Spawned] = []
        self._frozen: list[Spawned] = []
        self._attending: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._at_work.clear()
        for task in self._attending:
            task.cancel()
        for worker in self._all:
            worker.end()
        self._wrong += [f"{name}: a traceback" for name in self._with_traceback()]

    @property
    def awake(self) -> list[Spawned]:
        """Those at work that are not frozen."""
        return [worker for worker in self._at_work if worker not in self._frozen]

    def choose(self, chance: random.Random) -> Spawned | None:
        """One that is awake; None when there is none."""
        return chance.choice(self.awake) if self.awake else None

    async def add(self) -> Spawned:
        """Returns when it is ready for work, or has ended instead: the supervisor sees to that."""
        worker = self._start()
        await wait_until(lambda: READY in worker.log or worker.exit_code is not None, START_SECONDS)
        return worker

    async def kill(self, *workers: Spawned) -> int:
        """kill -9, at once; the supervisor has others started in their place. How many have not ended by themselves."""
        killed = [worker for worker in workers if worker in self._at_work]
        for worker in killed:
            self._at_work.remove(worker)
            worker.kill()
        for worker in killed:
            await asyncio.to_thread(worker.wait)
            self._start()
        return len(killed)

    async def dismiss(self, worker: Spawned) -> None:
        """SIGTERM; returns when it has left."""
        if worker not in self._at_work:  # it has ended by itself meanwhile, and was replaced
            return
        self._at_work.remove(worker)
        worker.kill(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait, LEAVE_SECONDS)
        # Told to stop while Redis is away, it may end with that sentence; while it is starting, as any process does.
        if code not in (0, UNREACHABLE) and (code != -signal.SIGTERM or READY in worker.log):
            self._wrong.append(f"a worker that was told to stop ended with {code}: {_last_words(worker)}")

    def freeze(self, worker: Spawned) -> None:
        self._frozen.append(worker)
        worker.kill(signal.SIGSTOP)

    def thaw(self, worker: Spawned) -> None:
        worker.kill(signal.SIGCONT)
        self._frozen.remove(worker)

    def _start(self) -> Spawned:
        worker = spawn(_on_leash(*WORKER), self._env, self._logs / f"worker-{next(self._numbers)}.log")
        self._all.append(worker)
        self._at_work.append(worker)
        task = asyncio.create_task(self._attend(worker))
        self._attending.add(task)
        task.add_done_callback(self._attending.discard)
        return worker

    async def _attend(self, worker: Spawned) -> None:
        await wait_until(lambda: worker.exit_code is not None, A_ROUND_SECONDS)
        if worker not in self._at_work:
            return
        self._at_work.remove(worker)
        if worker.exit_code != UNREACHABLE:
            self._wrong.append(f"a worker ended by itself with {worker.exit_code}: {_last_words(worker)}")
        self._ledger.put_right[f"worker started again after exit code {worker.exit_code}"] += 1
        self._start()

    def _with_traceback(self) -> list[str]:
        return [f"worker {number}" for number, worker in enumerate(self._all, 1) if "Traceback" in worker.log]


def _on_leash(program: str, *arguments: str) -> list[str]:
    """No worker outlives a campaign that is killed."""
    beside_us = Path(sys.executable).with_name(program)
    return [sys.executable, "-m", "worker.demo.leash", str(os.getpid()), str(beside_us), *arguments]


def _last_words(worker: Spawned) -> str:
    return " / ".join(worker.log.splitlines()[-LAST_LINES:])
