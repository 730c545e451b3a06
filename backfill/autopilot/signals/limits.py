"""The operator's limits: their names, what each means, and what holds where nobody has said anything."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MEBIBYTE = 1024.0 * 1024.0

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
        "dead_share": "dead rows of a table as a share of all its rows; only told",
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
        "dead_share": 0.5,
        "forced_checkpoints_share": 0.5,
    }
)
