"""Where the two servers answer, whoever has started them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUrls:
    """With passwords, hence not shown."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
