"""What `tests.support.forked` has imported before it forks: all that the project's commands import sooner or later."""

import alembic.config  # noqa: F401
import arq.cli  # noqa: F401

import tests.support.forked  # noqa: F401
import worker.cli
import worker.http.serving
import worker.main
import worker.schema.migrating  # noqa: F401
