"""Where Alembic begins: against DATABASE_URL, else the embedded server; with --sql, against nothing.

Called by a program, `config.attributes["database_url"]` says where, and errors are raised; on the command
line an operator's mistake is one sentence and an exit code.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from alembic import context
from backfill.alembic.migrating import migrate, pause, wait_for_turn
from backfill.alembic.online_ddl import LockProtocol
from backfill.embedded import use_embedded
from backfill.logging import setup_logging
from backfill.masking import mask_passwords
from backfill.runs.errors import OperatorError
from backfill.settings import Settings, load_settings
from backfill.sql.files import load_sql
from worker.schema.models import metadata

BEFORE_BACKFILL = "e011ab9dd223"
"""What the application's tables are at where no revision is recorded."""


def run_offline(settings: Settings, protocol: LockProtocol) -> None:
    context.configure(
        dialect_name="postgresql",
        target_metadata=metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},  # the default one would double every percent sign
        transaction_per_migration=True,
        lock_protocol=protocol,
        definitions=settings.definitions,
        databases=settings.database_urls,
    )
    context.execute(load_sql("backfill.alembic", "sql/offline_session.sql"))
    with context.begin_transaction():
        context.run_migrations()


def run_online(settings: Settings, protocol: LockProtocol) -> None:
    def run(connection: Connection) -> None:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=True,
            transaction_per_migration=True,
            lock_protocol=protocol,
            definitions=settings.definitions,
            databases=settings.database_urls,
        )
        # Only what goes to a revision writes; `current` and `check` need not wait for an upgrade that is running.
        # PgBouncer in transaction mode cannot keep the lock.
        if "destination_rev" in context.get_context().opts and protocol.own_session:
            wait_for_turn(connection, protocol)
        with context.begin_transaction():
            context.run_migrations()

    with database(settings) as url:
        work = migrate(
            url, run, patience_seconds=protocol.patience_seconds, pgbouncer=settings.pgbouncer, stamp=BEFORE_BACKFILL
        )
        asyncio.run(work)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    given = context.config.attributes.get("database_url")
    if given is not None:
        yield str(given)
    elif settings.database_url is not None:
        yield settings.database_url.get_secret_value()
    else:
        with use_embedded(settings.embedded_dir, database=settings.embedded_database) as servers:
            yield servers.urls.database_url


def main(settings: Settings) -> None:
    protocol = LockProtocol(
        lock_timeout_ms=settings.migration_lock_timeout_ms,
        patience_seconds=settings.migration_patience_seconds,
        own_session=context.is_offline_mode() or not settings.pgbouncer,
        sleep=pause,
    )
    if context.is_offline_mode():
        run_offline(settings, protocol)
    else:
        run_online(settings, protocol)


def main_on_the_command_line() -> None:
    try:
        settings = load_settings()
        # Whoever migrates reads along, also where a pipeline keeps what is said.
        setup_logging(settings.log_level, "console" if settings.log_format == "auto" else settings.log_format)
        main(settings)
    except OperatorError as error:
        sys.exit(_report(str(error), error.exit_code))
    except KeyboardInterrupt:
        sys.exit(_report("Interrupted. Finished steps are kept; run again to go on.", 130))


def _report(message: str, exit_code: int) -> int:
    sys.stderr.write(f"error: {mask_passwords(message)}\n")
    return exit_code


if context.config.cmd_opts is None:
    main(load_settings())
else:
    main_on_the_command_line()
