#!/usr/bin/env python3
"""Says whether a worker on this host is alive, for a supervisor's health check: exit code 0 or 1.

A worker gives its sign of life to Redis for as long as its event loop turns; a process that hangs gives none. In a
container the host is the container, so each of them answers for its own worker.

What restarts a worker that is not alive asks with --unless-redis-is-away: where Redis cannot be asked, nothing is known
of the worker, which waits for Redis and is back at work with it, and a restart would only lose time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from backfill.masking import mask_passwords
from backfill.runs.errors import OperatorError, RedisUnreachable
from backfill.settings import Settings, load_settings
from backfill.store.client import open_redis
from backfill.store.presence import workers_here

PATIENCE_SECONDS = 8.0


async def count(settings: Settings) -> int:
    if settings.redis_url is None:
        return 0
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_seconds=settings.redis_timeout_seconds)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await workers_here(redis, prefix=settings.redis_prefix)
    finally:
        await redis.aclose(close_connection_pool=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--unless-redis-is-away", action="store_true", help="0 also where Redis cannot be asked")
    redis_away = 0 if parser.parse_args().unless_redis_is_away else 1
    try:
        workers = asyncio.run(count(load_settings()))
    except OperatorError as error:
        print(f"error: {mask_passwords(str(error))}", file=sys.stderr)
        return redis_away if isinstance(error, RedisUnreachable) else 1
    except TimeoutError:
        print(f"error: Redis does not answer within {PATIENCE_SECONDS:g} seconds.", file=sys.stderr)
        return redis_away
    print(f"{workers} alive on this host" if workers else "no worker of this host has given a sign of life lately")
    return 0 if workers else 1


if __name__ == "__main__":
    sys.exit(main())
