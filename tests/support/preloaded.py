"""What `tests.support.forked` has imported before it forks: all that the project's commands import sooner or later."""

import alembic.config  # noqa: F401
import arq.cli  # noqa: F401

import tests.support.forked  # noqa: F401
from backfill.cli.lazy import load
from backfill.cli.table import commands

for name, spec in commands().items():
    load(name, spec)
