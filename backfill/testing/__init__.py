"""Tests of backfills on real servers: a plugin of pytest. In a conftest.py, or in a test's module:

    pytest_plugins = ["backfill.testing"]

`backfill_runner` runs a definition to its end by the engine itself, on a database of the test's own that has the
application's schema. See docs/authors.md, and `Runner`.

It is no entry point: having it installed changes nobody's tests. PYTEST_DONT_REWRITE: its assertions say what they
are about, and a test's module may import `Runner` before it names the plugin.
"""

from backfill.testing.plugin import (
    backfill_database,
    backfill_runner,
    backfill_schema,
    backfill_servers,
    backfill_template,
    pytest_addoption,
)
from backfill.testing.runner import Runner

__all__ = [
    "Runner",
    "backfill_database",
    "backfill_runner",
    "backfill_schema",
    "backfill_servers",
    "backfill_template",
    "pytest_addoption",
]
