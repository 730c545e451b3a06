"""What a failed batch means: one classification by SQLSTATE, from which the engine decides what to do.

contention   the same batch again, with jittered backoff
connection   the same again once the server answers
timeout      with half the rows
schema       pause the run: the table is not what the backfill was written for, or not all of it may be seen or written
server       back off, and pause the run if it stays so: read-only, disk full, out of connections
row          bisect down to the one unit and quarantine it
bug          no answer of a server at all, but an exception of a definition or of the worker: as server
"""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    CONTENTION = "contention"
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    SCHEMA = "schema"
    SERVER = "server"
    ROW = "row"
    BUG = "bug"


INSUFFICIENT_PRIVILEGE = "42501"
READ_ONLY = "25006"

_BY_SQLSTATE = {
    "55P03": Failure.CONTENTION,
    "40001": Failure.CONTENTION,
    "40P01": Failure.CONTENTION,
    "57014": Failure.TIMEOUT,
    "25P04": Failure.TIMEOUT,
    "25P03": Failure.CONNECTION,
    "57P01": Failure.CONNECTION,
    "57P02": Failure.CONNECTION,
    "57P03": Failure.CONNECTION,
    "57P05": Failure.CONNECTION,
    READ_ONLY: Failure.SERVER,
    INSUFFICIENT_PRIVILEGE: Failure.SCHEMA,
    "53300": Failure.SERVER,
}
_BY_CLASS = {"08": Failure.CONNECTION, "42": Failure.SCHEMA, "53": Failure.SERVER, "58": Failure.SERVER}


def classify(sqlstate: str | None, *, connection_lost: bool) -> Failure:
    """A lost connection may carry no SQLSTATE at all; anything unknown is taken for the row's fault."""
    if sqlstate in _BY_SQLSTATE:
        return _BY_SQLSTATE[sqlstate]
    if connection_lost or sqlstate is None:
        return Failure.CONNECTION
    return _BY_CLASS.get(sqlstate[:2], Failure.ROW)


class BatchFailed(Exception):
    """A transaction that did not commit, or whose COMMIT was not answered. Internal to engine and backfill."""

    def __init__(self, failure: Failure, message: str, *, sqlstate: str | None, constraint: str | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.sqlstate = sqlstate
        self.constraint = constraint

    @property
    def reason(self) -> str:
        """For the operator of a run that was paused because of it. The server does not say which role lacks what."""
        if self.sqlstate == INSUFFICIENT_PRIVILEGE:
            return f"{self.message}; backfill doctor, with the worker's DATABASE_URL, says what to grant"
        return self.message
