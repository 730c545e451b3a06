"""Where the database's write-ahead log stands: what tells that another server has taken it over, and from where.

A standby that follows asynchronously lacks the last commits when it is promoted. What the cursors of a run have passed
may be among them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`timeline` grows with each promotion within a `system`; `lsn` is where the next record goes.

    `kept_lsn` is up to where the server, which is up since `up_since_ms`, has followed another one; None: it has not,
    or has been restarted since.
    """

    system: str
    timeline: int
    lsn: int
    kept_lsn: int | None
    up_since_ms: int
