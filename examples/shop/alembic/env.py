"""The shop's migrations, run as the library runs them: with short locks, and watched."""

from __future__ import annotations

import asyncio
import sys

from shop.models import Base
from sqlalchemy import Connection

from alembic import context
from backfill.alembic.migrating import migrate, pause, wait_for_turn
from backfill.alembic.online_ddl import LockProtocol
from backfill.logging import setup_logging
from backfill.opening import database_alone
from backfill.runs.errors import OperatorError
from backfill.settings import load_settings


def main() -> None:
    settings = load_settings()
    setup_logging(settings.log_level, settings.log_format)
    patience = settings.migration_patience_seconds
    protocol = LockProtocol(
        lock_timeout_ms=settings.migration_lock_timeout_ms, patience_seconds=patience, own_session=True, sleep=pause
    )

    def run(connection: Connection) -> None:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            lock_protocol=protocol,
        )
        wait_for_turn(connection, protocol)
        with context.begin_transaction():
            context.run_migrations()

    with database_alone(settings) as url:
        asyncio.run(migrate(url, run, patience_seconds=patience))


try:
    main()
except OperatorError as error:
    sys.exit(f"error: {error}")
