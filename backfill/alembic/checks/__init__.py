"""What a revision does is looked at before it is done: what would lock a large table for long stops with a sentence."""

from backfill.alembic.checks import stopping
from backfill.alembic.checks.stopping import OnlineChecks

__all__ = ["OnlineChecks", "stopping"]
