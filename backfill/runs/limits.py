"""What the autopilot looks at, by name; the operator's limits: what each means, and what holds where none is set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from backfill.runs.errors import UsageError

MEBIBYTE = 1024.0 * 1024.0
_UNITS = {"kib": 1024.0, "mib": MEBIBYTE, "gib": 1024 * MEBIBYTE, "tib": 1024 * 1024 * MEBIBYTE, "%": 0.01}

LATENCY = "latency"
OTHERS = "others"
SIGNAL_NAMES = (
    LATENCY,
    OTHERS,
    "blocked",
    "standbys",
    "slots",
    "wal",
    "archiver",
    "connections",
    "database",
    "checkpoints",
    "snapshots",
    "dead_rows",
    "frozen",
)
# What an operator's own check is called begins so.
CHECK = "check-"

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "waiting_seconds": "longest wait of a session for a lock that one of our sessions holds",
        "standby_bytes": "bytes that a standby's replay is behind",
        "standby_seconds": "seconds that a standby's replay is behind",
        "slot_bytes": "bytes of WAL kept for a replication slot",
        "slot_share": "share of max_slot_wal_keep_size that a slot has used up",
        "wal_bytes_per_second": "bytes of WAL per second, of everybody",
        "archive_segments": "segments of WAL that wait for the archiver",
        "connections_share": "share of max_connections in use",
        "active_per_core": "active sessions per core of the server, for which its cores must be given",
        "database_bytes": "size of the database",
        "frozen_transactions": "age of the oldest row that is not frozen, in transactions",
        "snapshot_seconds": "age of a transaction that keeps dead rows from being cleaned up; only told",
        "dead_times": "dead rows of a table, to those at which its autovacuum begins by its own settings; only told",
        "forced_checkpoints_share": "share of checkpoints that WAL forced before their time; only told",
    }
)
DEFAULT_LIMITS: Mapping[str, float | None] = MappingProxyType(
    {
        "waiting_seconds": 1.0,
        "standby_bytes": 8 * MEBIBYTE,
        "standby_seconds": None,
        "slot_bytes": 16 * MEBIBYTE,
        "slot_share": 0.5,
        "wal_bytes_per_second": None,
        "archive_segments": 16.0,
        "connections_share": 0.9,
        "active_per_core": None,
        "database_bytes": None,
        "frozen_transactions": 1_000_000_000.0,
        "snapshot_seconds": 300.0,
        "dead_times": 3.0,
        "forced_checkpoints_share": 0.5,
    }
)


def limit_of(text: str) -> tuple[str, float]:
    """`standby_bytes=64MiB` as name and number. Raises UsageError."""
    name, _, value = (part.strip() for part in text.partition("="))
    if name not in MEANINGS:
        raise UsageError(f"{name!r} is no limit.", f"There are {', '.join(MEANINGS)}.")
    unit = next((unit for unit in _UNITS if value.lower().endswith(unit)), "")
    try:
        number = float(value[: len(value) - len(unit)]) * _UNITS.get(unit, 1.0)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{text!r} is no limit.", "Give name=number, with KiB, MiB, GiB, TiB or % where it fits.")
    return name, number


def known_signal(name: str) -> str:
    """Raises UsageError for what is no signal's name; checks are the operator's own."""
    if name not in SIGNAL_NAMES and not name.startswith(CHECK):
        raise UsageError(f"{name!r} is no signal.", f"There are {', '.join(SIGNAL_NAMES)}, and {CHECK}<name>.")
    return name
