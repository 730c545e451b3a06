"""The outbox: every transition of every run, an entry of a stream that is written in the same step as the transition.

There is a stream for each backfill, and in it a group for each kind of reader. Within a group an entry is with one
reader at a time, in order; it is handed out again when its reader has been silent, and is gone when it was done.
"""

from __future__ import annotations

from redis.asyncio import Redis

from backfill.engine.entries import Entry
from backfill.store.client import told_plainly
from backfill.store.scripts import Scripts

HOOKS = "hooks"
WEBHOOK = "webhook"
AGAIN_AFTER_SECONDS = 10.0


class RedisOutbox:
    """One reader of a group, as `backfill.engine.entries.Outbox` describes it. `redis` must decode responses."""

    def __init__(
        self, redis: Redis, *, prefix: str, reader: str, group: str = HOOKS, again_seconds: float = AGAIN_AFTER_SECONDS
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = Scripts(redis, prefix)
        self._group = group
        self._reader = reader
        self._again_ms = round(again_seconds * 1000)

    async def take(self, backfill: str) -> Entry | None:
        answer = await self._scripts.run("take_entry", "", backfill, self._group, self._reader, self._again_ms)
        if not answer:
            return None
        entry_id, tries, *texts = answer
        fields = dict(zip(texts[::2], texts[1::2], strict=True))
        return Entry(
            id=entry_id,
            tries=int(tries),
            run_id=fields["run"],
            backfill=backfill,
            action=fields["action"],
            source=fields["from"],
            state=fields["state"],
            at_ms=int(fields["at_ms"]),
            who=fields["who"],
            note=fields.get("note", ""),
        )

    async def keep(self, entry: Entry) -> bool:
        return bool(await self._scripts.run("keep_entry", "", entry.backfill, self._group, self._reader, entry.id))

    async def done(self, entry: Entry) -> None:
        with told_plainly():
            await self._redis.xack(f"{self._prefix}:outbox:{entry.backfill}", self._group, entry.id)

    async def tell(self, entry: Entry, kind: str, about: dict[str, str]) -> None:
        pairs = [text for pair in about.items() for text in pair]
        await self._scripts.run("tell", entry.run_id, kind, *pairs)

    async def leave(self, backfill: str) -> None:
        await self._scripts.run("leave_outbox", "", backfill, self._group, self._reader)
