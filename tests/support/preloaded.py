"""What `tests.support.forked` has imported before it forks: all that the project's commands import sooner or later."""

import alembic.config  # noqa: F401
import arq.cli  # noqa: F401

import tests.support.forked  # noqa: F401
import worker.http.serving
import worker.main
import worker.schema.migrating  # noqa: F401
from worker.cli.lazy import load
from worker.cli.table import COMMANDS

for name, spec in COMMANDS.items():
    load(name, spec)
