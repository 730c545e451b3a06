"""A chain of the tests' own, run as the library runs migrations, or (PLAIN_ENV=1) as Alembic's own template does."""

from __future__ import annotations

import asyncio
import os
import sys

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from alembic import context
from backfill.alembic.checks.stopping import SMALL_BYTES, OnlineChecks
from backfill.alembic.migrating import migrate, pause, wait_for_turn
from backfill.alembic.online_ddl import LockProtocol
from backfill.logging import setup_logging
from backfill.runs.errors import OperatorError
from backfill.settings import load_settings
from backfill.sql.files import load_sql


def configure(connection: Connection, protocol: LockProtocol | None) -> None:
    checks = OnlineChecks(small_bytes=int(os.environ.get("SMALL_BYTES", SMALL_BYTES)))
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        lock_protocol=protocol,
        online_checks=checks,
        definitions=load_settings().definitions,
    )
    if protocol and protocol.own_session:
        wait_for_turn(connection, protocol)
    with context.begin_transaction():
        context.run_migrations()


async def run_plainly(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        await connection.run_sync(configure, None)
    await engine.dispose()


def main() -> None:
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            literal_binds=True,
            dialect_opts={"paramstyle": "named"},
            transaction_per_migration=True,
            definitions=settings.definitions,
        )
        context.execute(load_sql("backfill.alembic", "sql/offline_session.sql"))
        with context.begin_transaction():
            context.run_migrations()
        return
    assert settings.database_url is not None
    url, patience = settings.database_url.get_secret_value(), settings.migration_patience_seconds
    if os.environ.get("PLAIN_ENV"):
        asyncio.run(run_plainly(url))
        return
    protocol = LockProtocol(
        lock_timeout_ms=settings.migration_lock_timeout_ms,
        patience_seconds=patience,
        own_session=not settings.pgbouncer,
        sleep=pause,
    )
    work = migrate(
        url,
        lambda connection: configure(connection, protocol),
        patience_seconds=patience,
        pgbouncer=settings.pgbouncer,
    )
    asyncio.run(work)


try:
    main()
except OperatorError as error:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(error.exit_code)
