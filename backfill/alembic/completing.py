"""Adds what a schema lacks by the steps of the revision itself, whatever revision the database says that it is at.

Where another revision of the same name has run, or the application's chain has gone on, `alembic upgrade` does nothing
or does not know the way. The steps ask the catalog and pass over what is there, so they can be run by themselves. The
recorded revision is neither asked nor changed: it is the application's.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from backfill.alembic.migrating import wait_for_turn
from backfill.alembic.online_ddl import LockProtocol
from backfill.runs.errors import UsageError
from backfill.sql.catalog import Catalog
from backfill.sql.found import Recorded

SCRIPTS = "alembic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The steps that are missing by their titles, and the SQL of all of them, to be read or run with psql."""

    steps: tuple[str, ...]
    script: str
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class Completion:
    """The steps of one revision, in the scripts that are beside the program or where it is run."""

    revision: str

    def missing(self, connection: Connection) -> Missing:
        """Reads the catalog, and takes no lock that anybody would notice."""
        steps: list[str] = []
        script = StringIO()

        def tell(title: str) -> None:
            steps.append(title)
            script.write(f"-- {title}\n")

        # A dialect of its own: it has no transactions around the steps, which have their own.
        options = {"as_sql": True, "output_buffer": script, "transactional_ddl": False, "literal_binds": True}
        context = MigrationContext.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},
            opts={**options, "look_at": connection, "tell": tell},
        )
        self._upgrade(context)
        recorded = Catalog(connection).recorded()
        connection.rollback()
        return Missing(steps=tuple(steps), script=script.getvalue().strip(), recorded=recorded)

    def complete(self, connection: Connection, protocol: LockProtocol) -> None:
        """Takes its turn among migrations, and their short locks. May be killed and run again."""
        if protocol.own_session:
            wait_for_turn(connection, protocol)
        options: dict[str, Any] = {"lock_protocol": protocol, "transaction_per_migration": True}
        self._upgrade(MigrationContext.configure(connection=connection, opts=options))

    def _upgrade(self, context: MigrationContext) -> None:
        module = ScriptDirectory(str(_scripts())).get_revision(self.revision).module
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            module.upgrade()


def _scripts() -> Path:
    """The program is installed apart from the migrations, which lie where it is run, as for Alembic itself."""
    found = Path.cwd() / SCRIPTS
    if not (found / "versions").is_dir():
        raise UsageError("The folder alembic with the migration is not here.", "Run it where `alembic upgrade` is run.")
    return found
