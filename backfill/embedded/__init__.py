"""PostgreSQL and Valkey from two wheels, for whoever set neither DATABASE_URL nor REDIS_URL.

Every command that needs servers calls `use_embedded`. The first one starts a *keeper*, a process of its own that
is the servers' parent; the others join. The servers run for as long as one user is left, and no longer.

Who is there is told by file locks and never by process ids: the kernel drops a lock when its holder dies, however
it dies, and an id may be somebody else's by the time it is read.

    users.lock     shared: every user                        exclusive: the keeper, and then no user is left
    start.lock     one at a time: a user that comes, or the keeper when it decides to stop
    keeper.lock    the keeper, for as long as it lives
    servers.lock   the keeper and every process of both servers: nobody else may touch their files
"""

from backfill.embedded.users import EmbeddedServers, use_embedded

__all__ = ["EmbeddedServers", "use_embedded"]
