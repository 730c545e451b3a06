"""What a command in README.md and docs/ begins with, and what only reads like one."""

from __future__ import annotations

PROGRAMS = {
    "alembic",
    "arq",
    "backfill",
    "createdb",
    "curl",
    "docker",
    "dropdb",
    "jq",
    "kubectl",
    "make",
    "pg_dump",
    "pg_restore",
    "pip",
    "psql",
    "python",
}
# Pieces of code that read like a command and are none.
PHRASES = {
    "buildah build",
    "character varying(36)",
    "character varying(50)",
    "character varying(500)",
    "cp -r",
    'database = "billing"',
    "fri 22:00-06:00",
    "idle in transaction",
    "kill -9",
    "latest_version = n + 1",
    "maxmemory-policy noeviction",
    "mon-fri 22:00-06:00, sat-sun 00:00-24:00 Europe/Vienna",
    "order_by = [Order.made]",
    "podman build",
    "row_security = off",
    "slice done",
    "storage_path = './storage/projects/' || id",
    "task put off",
}
