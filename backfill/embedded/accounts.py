"""Under which account the servers run: as ourselves, or, when we are root, as one that is not.

PostgreSQL refuses to run as root, and Valkey has no need to.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.folder import OWN_SERVERS
from backfill.runs.errors import EmbeddedUnavailable

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    name: str
    user_id: int
    group_id: int

    def reaches(self, *paths: Path) -> bool:
        """Whether a process of this account could enter these folders and run these programs.

        Asked of the kernel by a child that takes the account on: so the permissions of all parents, groups and
        access lists count.
        """
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            return status == 0
        reached = False
        try:
            os.setgroups([])
            os.setgid(self.group_id)
            os.setuid(self.user_id)
            reached = all(os.access(path, os.X_OK) for path in paths)
        finally:
            os._exit(0 if reached else 1)

    def takes(self, path: Path) -> None:
        os.chown(path, self.user_id, self.group_id, follow_symlinks=False)


def server_account() -> Account | None:
    """None when the servers run as whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EmbeddedUnavailable(
        "PostgreSQL does not run as root, and this machine has neither an account postgres nor nobody.",
        f"Work as an ordinary user. {OWN_SERVERS}.",
    )


def owner_of(path: Path) -> Account:
    owner = path.stat().st_uid
    try:
        return _account(pwd.getpwuid(owner))
    except KeyError as error:
        raise EmbeddedUnavailable(
            f"{path} belongs to user {owner}, and there is no such account any more.",
            f"Delete that folder: the embedded servers begin anew. {OWN_SERVERS}.",
        ) from error


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, user_id=entry.pw_uid, group_id=entry.pw_gid)
