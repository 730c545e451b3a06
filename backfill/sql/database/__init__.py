"""Opens PostgreSQL from a DATABASE_URL, and says in words why it could not be used.

What operators write is libpq's dialect; the driver is asyncpg. The two are reconciled here once, so that nobody else
reads a URL, and a password never reaches a message.
"""

from backfill.sql.database.engine import is_ours, leads_to, open_engine
from backfill.sql.database.refusals import ReadOnly, connection_failure, reachable, why_read_only

__all__ = [
    "ReadOnly",
    "connection_failure",
    "is_ours",
    "leads_to",
    "open_engine",
    "reachable",
    "why_read_only",
]
