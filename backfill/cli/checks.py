"""Questions that `backfill doctor` asks one after the other, and what came of each.

One cause is told once: what could not be asked because a server does not answer is said to be unchecked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backfill.runs.errors import OperatorError, Unreachable
from backfill.wiring import Service

PATIENCE_SECONDS = 10.0


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    level: Level
    words: str
    error: OperatorError | None = None

    def document(self) -> dict[str, Any]:
        return {"check": self.name, "status": self.level.value, "message": self.words}

    def row(self) -> tuple[str, str, str]:
        return self.level.upper(), self.name, self.words


Asked = tuple[Level, str]
Questions = Mapping[str, Callable[[Service], Awaitable[Asked]]]


async def ask_in_order(questions: Questions, service: Service) -> tuple[Check, ...]:
    """All of them are about one server: when it does not answer one, none of those after it is asked."""
    checks: list[Check] = []
    silent: str | None = None
    for name, ask in questions.items():
        if silent is not None:
            checks.append(Check(name=name, level=Level.UNCHECKED, words=f"not until {silent} is mended"))
            continue
        checks.append(await _check(name, ask, service))
        if isinstance(checks[-1].error, Unreachable):
            silent = name
    return tuple(checks)


async def _check(name: str, ask: Callable[[Service], Awaitable[Asked]], service: Service) -> Check:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            level, words = await ask(service)
    except TimeoutError:
        error: OperatorError = Unreachable(f"No answer within {PATIENCE_SECONDS:g} seconds.")
    except OperatorError as failure:
        error = failure
    else:
        return Check(name=name, level=level, words=words)
    return Check(name=name, level=Level.ERROR, words=str(error), error=error)
