"""What stands in an outbox, and what a reader of it may ask. Every command looks here, so it loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_AFTER_STATE = {
    "paused": "after_pause",
    "succeeded": "after_success",
    "failed": "after_failure",
    "cancelled": "after_cancel",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transition: `action` led from `source` ('' at the beginning) to `state`, asked for by `who` ('' or `engine`: by
    nobody). Or, with the state that it was in, something else to be told. `note` is a reason. `tries` counts how often
    it was taken, this time included."""

    id: str
    tries: int
    run_id: str
    backfill: str
    action: str
    source: str
    state: str
    at_ms: int
    who: str
    note: str = ""

    @property
    def hook(self) -> str | None:
        """The name of the hook that is for it."""
        return "after_start" if self.action == "start" else _AFTER_STATE.get(self.state)


class Outbox(Protocol):
    """One reader's view. An entry that was taken is this reader's until it is silent for a while."""

    async def take(self, backfill: str) -> Entry | None: ...

    async def keep(self, entry: Entry) -> bool:
        """Whether it is still this reader's."""
        ...

    async def done(self, entry: Entry) -> None: ...

    async def tell(self, entry: Entry, kind: str, about: dict[str, str]) -> None:
        """As an event of its run."""
        ...
