"""The folder that users and keeper share: the names in it, what stands in the state file, and whose it is."""

from __future__ import annotations

import json
import os
import pwd
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backfill.runs.errors import EmbeddedUnavailable

OWN_SERVERS = "Set DATABASE_URL and REDIS_URL to use your own servers"
ANOTHER_FOLDER = (
    "Set BACKFILL_EMBEDDED_DIR to use another folder, or DATABASE_URL and REDIS_URL to use your own servers"
)

DATABASE = "application"

# What running servers may write to a folder while it is being deleted.
_REMAINS = (".json", ".log", ".log.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """What the keeper tells the users once both servers answer."""

    database_url: str = field(repr=False)  # has the password in it
    redis_url: str = field(repr=False)
    files: str  # the folder that the servers' files are in
    keeper_pid: int
    ports: dict[str, int]  # by server; tried first at the next start, so that URLs last
    pids: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFolder:
    """`database` names the database and the role that owns it."""

    path: Path
    database: str = DATABASE

    @property
    def users_lock(self) -> Path:
        return self.path / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.path / "start.lock"

    @property
    def keeper_lock(self) -> Path:
        return self.path / "keeper.lock"

    @property
    def servers_lock(self) -> Path:
        return self.path / "servers.lock"

    @property
    def keeper_log(self) -> Path:
        return self.path / "keeper.log"

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def last_state_file(self) -> Path:
        return self.path / "last-state.json"

    @property
    def failure_file(self) -> Path:
        return self.path / "failure.json"

    def prepare(self) -> None:
        """Make the folder, or check that it is one of ours: what is in it gets another owner when we are root."""
        try:
            self._make()
            self._check_owner(self.path.stat())
            names = {entry.name for entry in self.path.iterdir()}
            if not names:
                self.start_lock.touch(mode=0o600)  # before anything else: it is the sign that the folder is ours
        except OSError as error:
            raise EmbeddedUnavailable(
                f"The embedded servers cannot use the folder {self.path}: {error.strerror}.", f"{ANOTHER_FOLDER}."
            ) from error
        if self.start_lock.name not in names and any(not name.endswith(_REMAINS) for name in names):
            raise EmbeddedUnavailable(
                f"The folder {self.path} holds files that are not the embedded servers'.", f"{ANOTHER_FOLDER}."
            )

    def _check_owner(self, found: os.stat_result) -> None:
        if found.st_uid != os.geteuid():
            owner = _account_name(found.st_uid)
            raise EmbeddedUnavailable(
                f"The embedded servers' folder {self.path} belongs to {owner}, and you are "
                f"{_account_name(os.geteuid())}.",
                f"Work as {owner}, or delete the folder. {ANOTHER_FOLDER}.",
            )
        if found.st_mode & 0o022:
            raise EmbeddedUnavailable(
                f"Others may write to the folder {self.path}, so the embedded servers' files are not safe there.",
                f"Do `chmod go-w` on it. {ANOTHER_FOLDER}.",
            )

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o711, parents=True)
        except FileExistsError:
            return
        # From root's, the servers' account must get to its part, under any umask; it need not see what else there is.
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def write_state(self, state: ServerState) -> None:
        self._write(self.state_file, asdict(state))

    def read_state(self) -> ServerState | None:
        found = self._read(self.state_file)
        return ServerState(**found) if found else None

    def set_state_aside(self) -> None:
        """The keeper that wrote it is gone; the next one may want its ports."""
        if self.state_file.exists():
            self.state_file.replace(self.last_state_file)

    def last_state(self) -> ServerState | None:
        try:
            found = self._read(self.last_state_file)
            return ServerState(**found) if found else None
        except (TypeError, ValueError):  # of another version, or cut short by a crash: it was only good for its ports
            return None

    def write_failure(self, failure: EmbeddedUnavailable) -> None:
        self._write(self.failure_file, {"what": failure.what, "remedy": failure.remedy})

    def read_failure(self) -> EmbeddedUnavailable | None:
        found = self._read(self.failure_file)
        return EmbeddedUnavailable(found["what"], found["remedy"]) if found else None

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        # A reader sees the whole file or none: mkstemp makes it 0600, the rename puts it there at once.
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        Path(name).replace(path)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return content


def _account_name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"
