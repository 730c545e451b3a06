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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DBAPIError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential, wait_random

from backfill.alembic.filling import Filling, whole_table
from backfill.runs.errors import SchemaNotReady, WaitTimedOut
from backfill.runs.wording import counted
from backfill.sql.catalog import Catalog
from backfill.sql.needs import IndexNeed

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 3.0
WATCHED = "lock_watch"
"""Set in the `info` of a connection beside which a watch says what is waited for."""
_LOCK_NOT_AVAILABLE = {"55P03", "40P01"}

Statement = str | TextClause
"""A text in which a colon before a word is itself, where it is a TextClause; in a plain one it names a parameter."""


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
    """The steps of a revision, for use inside `context.autocommit_block()`.

    Online the catalog is asked first, and offline nobody is. With `opts["look_at"]`, a connection, an offline script is
    written for that one database, with only the steps that are missing there; `opts["tell"]` hears the title of each.
    """

    def __init__(self, context: MigrationContext) -> None:
        self._op = Operations(context)
        self._context = context
        self._protocol: LockProtocol = context.opts.get("lock_protocol") or LockProtocol()
        self._as_sql = context.as_sql
        self.tell: Callable[[str], None] = context.opts.get("tell") or (lambda title: log.info("%s", title))
        self.connection: Connection | None = context.opts.get("look_at") if context.as_sql else self._op.get_bind()
        """Where the catalog is asked; None offline."""
        self._catalog = None if self.connection is None else Catalog(self.connection)

    def require(self, statement: str) -> None:
        """A question that ends the migration with an error; it is none of the steps that a script shows."""
        if not (self._as_sql and self._catalog is not None):
            self.execute(statement)

    def function(self, name: str, statement: str) -> None:
        """CREATE OR REPLACE FUNCTION, which waits for no table; passed over where the same one is there."""
        if self._catalog is not None:
            if self._catalog.function_is(name, statement):
                return
            self.tell(f"creating function {name}")
        self.execute(statement)

    def under_lock(
        self, title: str, statement: Statement | Sequence[Statement], *, done: Callable[[Catalog], bool]
    ) -> None:
        """A step that is quick once it has its lock, in one transaction; passed over when `done` says so."""
        if self._catalog is not None and done(self._catalog):
            return
        self.tell(title)
        statements = [statement] if isinstance(statement, str | TextClause) else statement
        self._patiently(title, lambda: self._short_transaction(*statements))

    def mend(self, title: str, statement: str, *, done: Callable[[Catalog], bool]) -> None:
        """A step for a database that came here by another way; a script for any database has none of these."""
        if self._catalog is not None:
            self.under_lock(title, statement, done=done)

    def fill(self, table: str, statement: str, *, done: Callable[[Catalog], bool]) -> None:
        """`statement` on the whole table, a few blocks at a time, until it finds nothing; see `filling`."""
        if self._catalog is None or done(self._catalog):
            return
        self.tell(f"filling in missing values in {table}")
        if self._as_sql:
            self.execute(whole_table(statement))
        else:
            self.fill_blocks(f"public.{table}", statement)

    def fill_blocks(self, relation: str, statement: str, *, alone: bool = False) -> int:
        """`statement` a few blocks at a time; see `filling`. How many rows were filled."""
        filling = Filling(self._op.get_bind(), relation, statement, self._protocol.sleep)
        return filling.run(self._protocol.patience_seconds, alone=alone)

    def concurrently(self, title: str, step: Callable[[], None]) -> None:
        """A step that cannot be in a transaction, and whose waiting holds up nobody; it is begun again as a whole."""
        self.tell(title)
        self._patiently(title, lambda: self._concurrently(step))

    def patiently(self, title: str, statement: Statement) -> None:
        """In a short transaction, tried again until it has its lock."""
        self._patiently(title, lambda: self._short_transaction(statement))

    def execute(self, statement: Statement) -> None:
        """By itself, past the checks of what a revision does: this is what they recommend."""
        self._context.execute(statement)

    @property
    def runs(self) -> bool:
        """Whether steps are run here and now, and not written into a script."""
        return not self._as_sql

    def build_index(self, need: IndexNeed) -> None:
        """CREATE INDEX CONCURRENTLY; one that an earlier try left invalid is dropped first, and one that serves as well
        under another name is as good."""
        if self._catalog is not None:
            if self._catalog.serves(need):
                return
            named = self._catalog.index(need.table, need.name)
            if named is not None and not named.is_like(need):
                raise SchemaNotReady(
                    f"The name {need.name} is taken by another index.",
                    f"It must be a plain one on ({', '.join(need.columns)}): rename that one, then run again.",
                )
        self.tell(f"building index {need.name}")
        self._patiently(f"building index {need.name}", lambda: self._build_index(need))

    def drop_index(self, index: str, table: str) -> None:
        if self._catalog is not None and self._catalog.index(table, index) is None:
            return
        self.tell(f"dropping index {index}")
        self._patiently(f"dropping index {index}", lambda: self._drop_index(index, table))

    def offline_only(self, statement: str) -> None:
        """What online is decided by asking the catalog."""
        if self._catalog is None:
            self._short_transaction(statement)

    def _build_index(self, need: IndexNeed) -> None:
        if self._catalog is not None and self._catalog.index(need.table, need.name) is not None:
            log.info("dropping index %s, which an interrupted build left invalid", need.name)
            self._drop_index(need.name, need.table)
        self._concurrently(
            lambda: self._op.create_index(
                need.name,
                need.table,
                list(need.columns),
                schema="public",
                if_not_exists=True,
                postgresql_concurrently=True,
                postgresql_where=None if need.where is None else sa.text(need.where),
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
        self.execute("SET lock_timeout = 0")
        self.execute("SET statement_timeout = 0")
        statement()
        self.execute("RESET statement_timeout")
        self.execute("RESET lock_timeout")

    def _short_transaction(self, *statements: Statement) -> None:
        """SET LOCAL knows no parameters, and set_config() would be invisible to who reads or lints the script."""
        self.execute("BEGIN")
        try:
            self.execute(f"SET LOCAL lock_timeout = '{self._protocol.lock_timeout_ms:d}ms'")
            self.execute("SET LOCAL statement_timeout = 0")
            for statement in statements:
                self.execute(statement)
            self.execute("COMMIT")
        except DBAPIError as error:
            if not error.connection_invalidated:
                self.execute("ROLLBACK")
            raise

    def _say_that_it_waits(self, title: str, state: RetryCallState) -> None:
        """Where a watch looks on (`lock_watch`), it says more: whom."""
        if self.connection is not None and not self.connection.info.get(WATCHED):
            log.info("waiting for a lock for %s: attempt %d gave way", title, state.attempt_number)

    def _patiently(self, title: str, step: Callable[[], None]) -> None:
        lock_seconds = self._protocol.lock_timeout_ms / 1000
        retrying = Retrying(
            retry=retry_if_exception(_lock_not_available),
            # At least as long as the application had to wait, so that what queued up gets through.
            wait=wait_exponential(multiplier=lock_seconds, max=LONGEST_PAUSE_SECONDS) + wait_random(0, lock_seconds),
            stop=stop_after_delay(self._protocol.patience_seconds),
            sleep=self._protocol.sleep,
            before_sleep=lambda state: self._say_that_it_waits(title, state),
            retry_error_callback=lambda state: _give_up(title, state),
        )
        retrying(step)


def sqlstate_of(error: DBAPIError) -> str:
    """Under the names that it has with asyncpg and psycopg, and with psycopg2."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""


def _lock_not_available(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and sqlstate_of(error) in _LOCK_NOT_AVAILABLE


def _give_up(title: str, state: RetryCallState) -> Any:
    cause = state.outcome.exception() if state.outcome else None
    attempts = counted(state.attempt_number, "attempt")
    raise WaitTimedOut(
        f"No lock for {title} within {state.seconds_since_start or 0:.0f} s ({attempts}).",
        "End the sessions named above or raise BACKFILL_MIGRATION_PATIENCE_SECONDS; run again, it goes on from here.",
    ) from cause
