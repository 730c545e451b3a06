"""PostgreSQL from the wheel, at its own default settings wherever it can be: benchmarks speak of these."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from backfill.embedded.children import Household, Program
from backfill.embedded.logs import size_of_log
from backfill.embedded.place import Place
from backfill.embedded.server import did_not_start

_CREATE_DATABASE = Path(__file__).with_name("create_database.sql")
_STATUS_LINE = 7  # of postmaster.pid: where pg_ctl reads it, too

_INITDB_OPTIONS = [
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # The same order and case rules on every machine.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
]
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path may have 107 bytes, and nobody needs one.
    "unix_socket_directories": "",
    # A killed worker's statement ends, and its locks with it, instead of running on for nobody.
    "client_connection_check_interval": "500ms",
}
# Where ALTER SYSTEM has not said otherwise: what is on the command line goes before it.
_DEFAULTS = {
    # Segments of the log are kept and written again: while a new one is made, no commit returns.
    "min_wal_size": "1GB",
    "max_wal_size": "2GB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresRecipe:
    place: Place
    name: str = "PostgreSQL"
    stop_signal: signal.Signals = signal.SIGINT  # "fast": it ends its sessions itself
    kill_signal: signal.Signals = signal.SIGQUIT  # "immediate": recovers at the next start

    @property
    def log(self) -> Path:
        return self.place.log("postgres")

    @property
    def cluster(self) -> Path:
        return self.place.servers / "postgres"

    def prepare(self, household: Household) -> None:
        if self.cluster.exists():
            return
        unfinished = self.place.servers / "postgres-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        log_size = size_of_log(self.log)
        pwfile = f"--pwfile={self.place.password_file('postgres')}"
        username = f"--username={self.place.database}"
        initdb = self._program(["initdb", *_INITDB_OPTIONS, username, pwfile, f"--pgdata={unfinished}"])
        create = self._program(
            ["postgres", "--single", "-j", "-D", str(unfinished), "-c", "exit_on_error=on", "postgres"],
            standard_input=_CREATE_DATABASE.read_text().format(database=self.place.database).encode(),
        )
        if household.run(initdb) != 0 or household.run(create) != 0:
            raise did_not_start(self, "could not be set up", log_size)
        self.place.keep_database()
        unfinished.rename(self.cluster)

    def program(self, port: int) -> Program:
        altered = self._altered()
        defaults = {name: value for name, value in _DEFAULTS.items() if f"{name} = " not in altered}
        settings = [f"--{name}={value}" for name, value in (_SETTINGS | defaults).items()]
        return self._program(["postgres", "-D", str(self.cluster), f"--port={port}", *settings])

    def _altered(self) -> str:
        """What ALTER SYSTEM has set; the server does without the file."""
        try:
            return (self.cluster / "postgresql.auto.conf").read_text()
        except FileNotFoundError:
            return ""

    def answers(self, pid: int, port: int) -> bool:  # noqa: ARG002 - the file is of this process alone
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"

    def url(self, port: int) -> str:
        secret = self.place.password("postgres")
        database = self.place.kept_database()
        return f"postgresql://{database}:{secret}@127.0.0.1:{port}/{database}"

    def _program(self, command: list[str], standard_input: bytes = b"") -> Program:
        return Program(
            command=[str(self.place.binaries.postgres(command[0])), *command[1:]],
            folder=self.place.servers,
            log=self.log,
            death_signal=self.stop_signal,
            standard_input=standard_input,
        )
