"""The old application beside the demo, in a process of its own; or nobody, where traffic is not wanted."""

from __future__ import annotations

import json
from typing import Any, Protocol

from worker.demo.children import Child, Children
from worker.demo.old_application import PhaseSummary, Traffic

PROGRAM = "python -m worker.demo.old_application"


class Application(Protocol):
    async def phase(self, name: str) -> None:
        """From now on what happens counts under this name."""
        ...

    async def stop(self) -> tuple[PhaseSummary, ...]:
        """Ends the traffic; what happened in each phase."""
        ...


class Nobody:
    async def phase(self, name: str) -> None:
        """Nothing happens."""

    async def stop(self) -> tuple[PhaseSummary, ...]:
        return ()


class OldApplicationProcess:
    """Speaks to `python -m worker.demo.old_application`: lines in, JSON lines out."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def phase(self, name: str) -> None:
        await self._child.write_line(f"phase {name}")
        await self._answer("phase")

    async def rate(self, transactions_per_second: int) -> None:
        """From now on it does so many."""
        await self._child.write_line(f"rate {transactions_per_second}")
        await self._answer("rate")

    async def stop(self) -> tuple[PhaseSummary, ...]:
        self._child.close_input()
        stopped = await self._answer("stopped")
        await self._child.succeed()
        return tuple(PhaseSummary.from_json(summary) for summary in stopped["summaries"])

    async def _answer(self, event: str) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = json.loads(await self._child.read_line())
            if message["event"] == event:
                return message


async def start_traffic(children: Children, traffic: Traffic, phase: str) -> OldApplicationProcess:
    """Returns when the first transactions are under way."""
    child = await children.start(
        PROGRAM,
        f"--connections={traffic.connections}",
        f"--transactions-per-second={traffic.transactions_per_second}",
        f"--deletes-percent={traffic.deletes_percent}",
        f"--seed={traffic.seed}",
        f"--phase={phase}",
    )
    await child.read_line()
    return OldApplicationProcess(child)
