"""What can go wrong that an operator can mend: each error knows its exit code, HTTP status and slug.

The three ways an error leaves the program (exit code, problem document, log line) are read off
the class, so they agree by construction. A bug is a plain exception and is not in this tree.

    OperatorError
    ├── DefinitionFailed          1  the code of a backfill raised an exception
    ├── UsageError                2  wrong input
    │   ├── SettingsError            a variable is missing or malformed
    │   ├── InvalidParameters        what was given for a run is not what its definition takes
    │   ├── UnknownPageToken         HTTP only: made by another service, or its run is gone
    │   ├── Unauthenticated          HTTP only: no token, or one that is not known
    │   └── InsufficientScope        HTTP only: a token that may only read
    ├── RunFailed                 3  the run rests and has not succeeded
    ├── VerificationFailed        3  the data breaks a rule
    ├── NotFound                  4
    │   ├── UnknownBackfill
    │   └── UnknownRun
    ├── WrongState                5  the state does not allow it
    │   ├── ActiveRunExists
    │   ├── OwnApproval              who asked for a run is not who approves it
    │   └── IdempotencyConflict      the key of a request was used before, for a run with other parameters
    ├── TooManyStreams            5  HTTP only: no room for another watcher
    ├── SchemaNotReady            6  the migration is not (fully) there
    ├── Unreachable               7
    │   ├── DatabaseUnreachable
    │   ├── RedisUnreachable
    │   └── EmbeddedUnavailable      the wheels are missing or a server does not start
    └── WaitTimedOut              8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class OperatorError(Exception):
    """Says what went wrong (`what`) and what to do next (`remedy`); never carries row values or secrets."""

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".rstrip()


class DefinitionFailed(OperatorError):
    """Of the exception only its class and its place are told: its text might quote a row."""

    slug = "definition-failed"
    exit_code = 1
    http_status = 500


class UsageError(OperatorError):
    slug = "usage"
    exit_code = 2
    http_status = 422


class SettingsError(UsageError):
    slug = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """`at` is the parameter, or the place in it, that is wrong; empty where it is all of them together."""

    at: str
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.message}" if self.at else self.message


class InvalidParameters(UsageError):
    """`takes` names the parameters that there are."""

    slug = "invalid-parameters"

    def __init__(self, mistakes: Sequence[Mistake], *, takes: str) -> None:
        listed = "; ".join(str(mistake) for mistake in mistakes)
        super().__init__(f"The parameters are not right: {listed}.", f"Give {takes}." if takes else "It takes none.")
        self.mistakes = tuple(mistakes)


class UnknownPageToken(UsageError):
    slug = "unknown-page-token"
    http_status = 400


class Unauthenticated(UsageError):
    slug = "unauthenticated"
    http_status = 401


class InsufficientScope(UsageError):
    slug = "insufficient-scope"
    http_status = 403


class RunFailed(OperatorError):
    slug = "run-failed"
    exit_code = 3
    http_status = 409


class VerificationFailed(OperatorError):
    slug = "verification-failed"
    exit_code = 3
    http_status = 409


class NotFound(OperatorError):
    slug = "not-found"
    exit_code = 4
    http_status = 404


class UnknownBackfill(NotFound):
    slug = "unknown-backfill"


class UnknownRun(NotFound):
    slug = "unknown-run"


class WrongState(OperatorError):
    """`actions` is what is possible instead."""

    slug = "wrong-state"
    exit_code = 5
    http_status = 409

    def __init__(self, what: str, remedy: str = "", *, actions: Sequence[str] = ()) -> None:
        super().__init__(what, remedy)
        self.actions = tuple(actions)


class ActiveRunExists(WrongState):
    """A backfill has one active run at a time; `run_id` is that run."""

    slug = "active-run-exists"

    def __init__(self, what: str, remedy: str = "", *, run_id: str) -> None:
        super().__init__(what, remedy)
        self.run_id = run_id


class OwnApproval(WrongState):
    """The approval is somebody else's to give."""

    slug = "own-approval"
    http_status = 403


class IdempotencyConflict(WrongState):
    """`run_id` is the run of the first request with that key."""

    slug = "idempotency-conflict"

    def __init__(self, what: str, remedy: str = "", *, run_id: str) -> None:
        super().__init__(what, remedy)
        self.run_id = run_id


class TooManyStreams(OperatorError):
    slug = "too-many-streams"
    exit_code = 5
    http_status = 503


class SchemaNotReady(OperatorError):
    slug = "schema-not-ready"
    exit_code = 6
    http_status = 503


class Unreachable(OperatorError):
    slug = "unreachable"
    exit_code = 7
    http_status = 503


class DatabaseUnreachable(Unreachable):
    slug = "database-unreachable"


class RedisUnreachable(Unreachable):
    slug = "redis-unreachable"


class EmbeddedUnavailable(Unreachable):
    slug = "embedded-unavailable"


class WaitTimedOut(OperatorError):
    slug = "wait-timed-out"
    exit_code = 8
    http_status = 504
