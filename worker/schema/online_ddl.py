"""Changes a table that is in use: every lock is short, and every step can be done again.

A change that waits for its lock makes everybody wait who comes after it. So a step waits for a moment
only (`lock_timeout`), lets the application pass, and tries again, until the lock is there or patience
ends. Each step is a transaction of its own: a killed upgrade leaves finished steps behind, and the next
one passes over them without taking a lock, because it asks the catalog first.

Offline (`--sql`) there is nobody to ask and nobody to try again: the same steps are written down, each
in a form that does no harm when it is run twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import DBAPIError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from worker.runs.errors import WaitTimedOut
from worker.schema.catalog import Catalog

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 3.0
_LOCK_NOT_AVAILABLE = {"55P03", "40P01"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LockProtocol:
    """How long one try may hold up the application, and how long to go on trying.

    `own_session` is false where others work in the same session of the server, as behind PgBouncer.
    """

    lock_timeout_ms: int = 400
    patience_seconds: float = 900.0
    own_session: bool = True
    sleep: Callable[[float], None] = time.sleep


class OnlineDdl:
    """The steps of a revision, for use inside `context.autocommit_block()`."""

    def __init__(self, context: MigrationContext) -> None:
        self._op = Operations(context)
        self._protocol: LockProtocol = context.opts.get("lock_protocol") or LockProtocol()
        self._catalog = None if context.as_sql else Catalog(self._op.get_bind())

    def without_lock(self, statement: str) -> None:
        """A step that waits for no table, such as CREATE OR REPLACE FUNCTION."""
        self._op.execute(statement)

    def under_lock(self, title: str, statement: str, *, done: Callable[[Catalog], bool]) -> None:
        """A step that is quick once it has its lock; passed over when `done` says so."""
        if self._catalog is not None and done(self._catalog):
            return
        log.info("%s", title)
        self._patiently(title, lambda: self._short_transaction(statement))

    def build_index(self, index: str, table: str, columns: list[str], *, where: str | None = None) -> None:
        """CREATE INDEX CONCURRENTLY; one that an earlier try left invalid is dropped first."""
        if self._catalog is not None and self._catalog.index_is_valid(index):
            return
        log.info("building index %s", index)
        self._patiently(f"building index {index}", lambda: self._build_index(index, table, columns, where))

    def drop_index(self, index: str, table: str) -> None:
        if self._catalog is not None and self._catalog.index_is_valid(index) is None:
            return
        log.info("dropping index %s", index)
        self._patiently(f"dropping index {index}", lambda: self._drop_index(index, table))

    def offline_only(self, statement: str) -> None:
        """What online is decided by asking the catalog."""
        if self._catalog is None:
            self._short_transaction(statement)

    def _build_index(self, index: str, table: str, columns: list[str], where: str | None) -> None:
        if self._catalog is not None and self._catalog.index_is_valid(index) is False:
            log.info("dropping index %s, which an interrupted build left invalid", index)
            self._drop_index(index, table)
        self._concurrently(
            lambda: self._op.create_index(
                index,
                table,
                columns,
                schema="public",
                if_not_exists=True,
                postgresql_concurrently=True,
                postgresql_where=None if where is None else sa.text(where),
            )
        )

    def _drop_index(self, index: str, table: str) -> None:
        self._concurrently(
            lambda: self._op.drop_index(index, table, schema="public", if_exists=True, postgresql_concurrently=True)
        )

    def _concurrently(self, statement: Callable[[], None]) -> None:
        """Without timeouts: one that strikes leaves an invalid index, and waiting here holds up no reader or writer.

        It cannot be in a transaction, so they are set for the session, or not at all where it is not ours alone.
        """
        if not self._protocol.own_session:
            statement()
            return
        self._op.execute("SET lock_timeout = 0")
        self._op.execute("SET statement_timeout = 0")
        statement()
        self._op.execute("RESET statement_timeout")
        self._op.execute("RESET lock_timeout")

    def _short_transaction(self, statement: str) -> None:
        """SET LOCAL knows no parameters, and set_config() would be invisible to who reads or lints the script."""
        self._op.execute("BEGIN")
        try:
            self._op.execute(f"SET LOCAL lock_timeout = '{self._protocol.lock_timeout_ms:d}ms'")
            self._op.execute("SET LOCAL statement_timeout = 0")
            self._op.execute(statement)
            self._op.execute("COMMIT")
        except DBAPIError as error:
            if not error.connection_invalidated:
                self._op.execute("ROLLBACK")
            raise

    def _patiently(self, title: str, step: Callable[[], None]) -> None:
        lock_seconds = self._protocol.lock_timeout_ms / 1000
        retrying = Retrying(
            retry=retry_if_exception(_lock_not_available),
            # At least as long as the application had to wait, so that what queued up gets through.
            wait=wait_exponential(multiplier=lock_seconds, max=LONGEST_PAUSE_SECONDS) + wait_random(0, lock_seconds),
            stop=stop_after_delay(self._protocol.patience_seconds),
            sleep=self._protocol.sleep,
            retry_error_callback=lambda state: _give_up(title, state),
        )
        retrying(step)


def _lock_not_available(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOCK_NOT_AVAILABLE


def _give_up(title: str, state: RetryCallState) -> Any:
    cause = state.outcome.exception() if state.outcome else None
    raise WaitTimedOut(
        f"No lock for {title} within {state.seconds_since_start or 0:.0f} s ({state.attempt_number} tries).",
        "End the sessions named above or raise BACKFILL_MIGRATION_PATIENCE_SECONDS; run again, it goes on from here.",
    ) from cause
