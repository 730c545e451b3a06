"""Where the servers' own files are, and passwords that last as long as these files.

Inside the shared folder, if the servers' account can get there. When we are root and the checkout lies below, say, a
home that only root may enter, opening that home would be wrong: then it is a folder of this checkout's own outside.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.accounts import Account, owner_of, server_account
from backfill.embedded.folder import ANOTHER_FOLDER, OWN_SERVERS, SharedFolder
from backfill.embedded.wheels import Binaries, copy_of_wheels, find_wheels
from backfill.runs.errors import EmbeddedUnavailable

_OUTSIDE = Path("/var/tmp")  # noqa: S108 - kept over reboots; the folder in it is checked before it is trusted
_PASSWORD_BYTES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    folder: Path
    account: Account | None  # None: the servers run as whoever we are
    binaries: Binaries
    database: str  # and the role that owns it, where they are still to be made

    @property
    def servers(self) -> Path:
        """Belongs to the servers' account; everything else in `folder` is ours."""
        return self.folder / "servers"

    def log(self, server: str) -> Path:
        return self.folder / f"{server}.log"

    @property
    def _database_file(self) -> Path:
        return self.folder / "postgres.database"

    def keep_database(self) -> None:
        """With the folder: whoever comes with another name later finds the database under the first one."""
        self._database_file.write_text(self.database, encoding="ascii")

    def kept_database(self) -> str:
        return self._database_file.read_text(encoding="ascii") if self._database_file.exists() else self.database

    def password_file(self, server: str) -> Path:
        return self.folder / f"{server}.password"

    def password(self, server: str) -> str:
        """Hexadecimal, so it needs no quoting in URLs and configuration."""
        return self.password_file(server).read_text(encoding="ascii").strip()


def prepare_place(shared: SharedFolder) -> Place:
    wheels = find_wheels()
    account = server_account()
    folder = shared.path
    binaries = wheels
    if account:
        if not account.reaches(folder):
            folder = _folder_outside(shared.path, account)
        if not account.reaches(*wheels.everything_needed()):
            binaries = copy_of_wheels(wheels, folder)
    place = Place(
        folder=folder, account=_make_servers_folder(folder, account), binaries=binaries, database=shared.database
    )
    for server in ("postgres", "valkey"):
        _make_password(place.password_file(server), place.account)
    return place


def _folder_outside(folder: Path, account: Account) -> Path:
    """Raises EmbeddedUnavailable when somebody else was there first: in a folder open to all, a name proves nothing."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    outside = _OUTSIDE / f"backfill-embedded-{os.geteuid()}-{digest}"
    outside.mkdir(mode=0o711, exist_ok=True)
    found = outside.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedUnavailable(
            f"{outside} is not a folder of ours that only we can write to.",
            f"Find out who made it, and delete it. {OWN_SERVERS}.",
        )
    outside.chmod(0o711)
    if not account.reaches(outside):
        raise EmbeddedUnavailable(
            f"The account {account.name}, which the embedded servers run as, can enter neither {folder} nor {outside}.",
            f"{ANOTHER_FOLDER}.",
        )
    return outside


def _make_servers_folder(folder: Path, account: Account | None) -> Account | None:
    """Returns the account that the servers run as: an existing folder's owner, whoever would be chosen today."""
    servers = folder / "servers"
    servers.mkdir(mode=0o700, exist_ok=True)
    if account is None:
        return None
    if servers.stat().st_uid == os.geteuid():
        account.takes(servers)
        return account
    return owner_of(servers)


def _make_password(path: Path, account: Account | None) -> None:
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(f"{secrets.token_hex(_PASSWORD_BYTES)}\n", encoding="ascii")
        if account:
            account.takes(unfinished)  # initdb reads it
        unfinished.rename(path)
