"""What `tests.support.forked` has imported before it forks: all that the project's commands import sooner or later."""

import alembic.config  # noqa: F401
import arq.cli  # noqa: F401
import worker.main

import backfill.alembic.migrating  # noqa: F401
import backfill.http.serving
import tests.support.forked  # noqa: F401
from backfill.cli.lazy import load
from backfill.cli.table import COMMANDS

for name, spec in COMMANDS.items():
    load(name, spec)
