"""What the shell is offered when somebody presses Tab: runs by their ids, and backfills by their names.

It answers within a moment or not at all, says nothing of what is wrong, and starts no server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.settings import Settings

PATIENCE_SECONDS = 1.0
RUNS_OFFERED = 20

Offers = list[tuple[str, str]]


def complete_backfills(incomplete: str) -> Offers:
    from backfill.definitions import discover  # noqa: PLC0415 - as below
    from backfill.settings import load_settings  # noqa: PLC0415

    try:
        found = discover(load_settings().definitions)
    except Exception:  # noqa: BLE001 - as below
        return []
    return list(_beginning_with(incomplete, ((one.name, one.about) for one in found.definitions.values())))


def complete_runs(incomplete: str) -> Offers:
    """The newest ones, with the backfill and the state of each."""
    # Whoever has typed a command in full needs none of it.
    import asyncio  # noqa: PLC0415

    from backfill.settings import load_settings  # noqa: PLC0415

    try:
        return list(_beginning_with(incomplete, asyncio.run(_newest_runs(load_settings()))))
    except Exception:  # noqa: BLE001 - a shell in the middle of a line has no use for an error
        return []


def _beginning_with(incomplete: str, offers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((word, about) for word, about in offers if word.startswith(incomplete))


async def _newest_runs(settings: Settings) -> Offers:
    import asyncio  # noqa: PLC0415 - as above

    from backfill.store.client import open_redis  # noqa: PLC0415
    from backfill.store.heads import newest_heads  # noqa: PLC0415

    url = _redis_url(settings)
    if url is None:
        return []
    redis = open_redis(url, timeout_seconds=PATIENCE_SECONDS, retries=0)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            heads = await newest_heads(redis, prefix=settings.redis_prefix, limit=RUNS_OFFERED)
    finally:
        await redis.aclose(close_connection_pool=True)
    return [(head.run_id, f"{head.backfill}, {head.state}") for head in heads]


def _redis_url(settings: Settings) -> str | None:
    """Of an embedded server only if it runs already."""
    from backfill.embedded.folder import SharedFolder  # noqa: PLC0415

    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    state = None if settings.database_url else SharedFolder(path=settings.embedded_dir.resolve()).read_state()
    return state.redis_url if state else None
