"""The statements of `generation-versions`, by the names of their files in `sql/`."""

from __future__ import annotations

from backfill.sql.folder import SqlFolder

QUERIES = SqlFolder("worker.generations")
run_sql = QUERIES.run
explain_sql = QUERIES.explain
