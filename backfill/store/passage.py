"""How a run went over its keys, as Redis remembers it: each range with its counts, and what was proved at the end.

Whatever is missing is said to be missing: a report is read when something may be wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import cast

from redis.asyncio import Redis

from backfill.runs.coverage import Passage, Proof, RangeRecord
from backfill.runs.ranges import RangeState, Span
from backfill.store.codec import load_key


async def read_passage(redis: Redis, run_key: str) -> Passage:
    names = ("ranges", "proof", "verifying_ms", "wal_at_plan")
    texts = await cast("Awaitable[list[str | None]]", redis.hmget(run_key, list(names)))
    ranges, proof, verifying_ms, wal_at_plan = texts
    async with redis.pipeline(transaction=True) as pipe:
        for index in range(int(ranges or 0)):
            pipe.hgetall(f"{run_key}:range:{index}")
        records = await pipe.execute()
    return Passage(
        ranges=None if ranges is None else tuple(map(_range, records)),
        proof=Proof.of_text(proof) if proof else None,
        verifying_ms=_number(verifying_ms),
        wal_at_plan=_number(wal_at_plan),
    )


def _range(fields: Mapping[str, str]) -> RangeRecord | None:
    end = load_key(fields.get("end"))
    if end is None:
        return None
    return RangeRecord(
        span=Span(start=load_key(fields.get("start")), end=end),
        stage=RangeState(fields.get("stage", RangeState.OPEN)),
        units=_number(fields.get("units")),
        rows=_number(fields.get("rows")),
        written=_number(fields.get("written")),
        checked=_number(fields.get("checked")),
        began_ms=_number(fields.get("began_ms")),
        settled_ms=_number(fields.get("settled_ms")),
        verified_ms=_number(fields.get("verified_ms")),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
